"""Makes the Parquet files of the tests (pyarrow 26.0.1, numpy 2.4.6)."""
import datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

# Every type that is read, and those that are not. Row 2 is null where a null can be.
pq.write_table(pa.table({
    "f64": pa.array([0.1, -2.5, None, 1e300]),
    "f32": pa.array([0.1, -2.5, None, 3.0], pa.float32()),
    "f16": pa.array([np.float16(0.5), np.float16(-2), None, np.float16(65504)], pa.float16()),
    "i8": pa.array([-128, 127, None, 0], pa.int8()),
    "u8": pa.array([0, 255, None, 1], pa.uint8()),
    "i16": pa.array([-32768, 32767, None, 0], pa.int16()),
    "u16": pa.array([0, 65535, None, 1], pa.uint16()),
    "i32": pa.array([-2**31, 2**31 - 1, None, 0], pa.int32()),
    "u32": pa.array([0, 2**32 - 1, None, 1], pa.uint32()),
    "i64": pa.array([-2**53, 2**53, None, 0], pa.int64()),
    "u64": pa.array([0, 2**53, None, 1], pa.uint64()),
    "bool": pa.array([True, False, None, True]),
    "dec9": pa.array([Decimal("-1.25"), Decimal("9999999.99"), None, Decimal("0.10")], pa.decimal128(9, 2)),
    "dec18": pa.array([Decimal("-0.1"), Decimal("99999999.9999999999"), None, Decimal("0.3")], pa.decimal128(18, 10)),
    "name": pa.array(["a", "b", None, "d"]),
    "when": pa.array([datetime.datetime(2020, 1, 1)] * 4, pa.timestamp("us")),
    "day": pa.array([datetime.date(2020, 1, 1)] * 4),
    "list": pa.array([[1.0], [], None, [2.0, 3.0]]),
    "dec30": pa.array([Decimal("1.5"), None, None, None], pa.decimal128(30, 2)),
    "group": pa.array([{"x": 1.5, "y": "s"}, {"x": -1.0, "y": "s"}, None, {"x": None, "y": "s"}]),
}), "types.parquet")

x = np.arange(3000).reshape(1500, 2) / 7
t = pa.table({"a": x[:, 0], "b": x[:, 1]})
for codec in ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]:
    pq.write_table(t.slice(0, 40), f"{codec}.parquet", compression=codec, row_group_size=25)
pq.write_table(t.slice(0, 200), "v2.parquet", data_page_version="2.0", use_dictionary=False, compression="zstd",
               use_byte_stream_split=["a"], column_encoding=None, data_page_size=256, row_group_size=150)
pq.write_table(pa.table({"a": pa.array(range(100), pa.int64()), "b": pa.array([i % 3 for i in range(100)], pa.int32())}),
               "delta.parquet", data_page_version="2.0", use_dictionary=["b"], column_encoding={"a": "DELTA_BINARY_PACKED"})
pq.write_table(t.slice(0, 0), "empty.parquet")
pq.write_table(pa.table({"a": pa.array([2**53 + 1], pa.int64())}), "inexact.parquet")
