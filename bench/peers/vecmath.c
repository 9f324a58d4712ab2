// Vector functions called directly, one process per library and instruction set: SLEEF (libsleef-dev); with -DLIBMVEC glibc's
// libmvec, which gcc calls by itself with -ffast-math -fopenmp-simd; with -DXSIMD xsimd (libxsimd-dev), which is C++; with
// -DAOCL="VERSION" AMD's AOCL-LibM. Compiled with -DISA_AVX512, -DISA_AVX2 or -DISA_NEON and the flags of that set. Only
// AOCL-LibM has a normal distribution and its quantile, both slower than what its erfc and its logarithm make possible: all maps
// are of erfc, exp and log and end with gaussflow's quantile (probit.h, in the directory of the inputs, has its coefficients).
#include <math.h>
#if defined XSIMD
#include <xsimd/xsimd.hpp>
#elif defined LIBMVEC
#include <gnu/libc-version.h>
#elif !defined AOCL
#include <sleef.h>
#endif

#include "peer.h"
#include "probit.h"

#if defined ISA_AVX512
#include <immintrin.h>
typedef __m512d vec;
#define LANES 8
#define SET "avx512"
#define SLEEF(f, ulp) Sleef_##f##d8_##ulp##avx512f
#define MVEC(f) _ZGVeN8v_##f // of the vector ABI
#define AMD(f) amd_vrd8_##f
#define FMA _mm512_fmadd_pd
#define SQRT _mm512_sqrt_pd
#define MIN _mm512_min_pd
typedef __mmask8 mask;
static inline mask less_equal(vec a, vec b) { return _mm512_cmp_pd_mask(a, b, _CMP_LE_OQ); }
static inline vec choose(mask m, vec yes, vec no) { return _mm512_mask_blend_pd(m, no, yes); }
static inline int all(mask m) { return m == 0xff; }
static inline vec splat(double x) { return _mm512_set1_pd(x); }
static inline int supported(void) { return __builtin_cpu_supports("avx512f"); }
#elif defined ISA_AVX2
#include <immintrin.h>
typedef __m256d vec;
#define LANES 4
#define SET "avx2"
#define SLEEF(f, ulp) Sleef_##f##d4_##ulp##avx2
#define MVEC(f) _ZGVdN4v_##f // of the vector ABI
#define AMD(f) amd_vrd4_##f
#define FMA _mm256_fmadd_pd
#define SQRT _mm256_sqrt_pd
#define MIN _mm256_min_pd
typedef vec mask;
static inline mask less_equal(vec a, vec b) { return _mm256_cmp_pd(a, b, _CMP_LE_OQ); }
static inline vec choose(mask m, vec yes, vec no) { return _mm256_blendv_pd(no, yes, m); }
static inline int all(mask m) { return _mm256_movemask_pd(m) == 0xf; }
static inline vec splat(double x) { return _mm256_set1_pd(x); }
static inline int supported(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#elif defined ISA_NEON
#include <arm_neon.h>
typedef float64x2_t vec;
#define LANES 2
#define SET "neon"
#define SLEEF(f, ulp) Sleef_##f##d2_##ulp##advsimd
#define MVEC(f) _ZGVnN2v_##f // of the vector ABI
#define AMD(f) amd_vrd2_##f
#define FMA(a, b, c) vfmaq_f64(c, a, b)
#define SQRT vsqrtq_f64
#define MIN vminq_f64
typedef uint64x2_t mask;
static inline mask less_equal(vec a, vec b) { return vcleq_f64(a, b); }
static inline vec choose(mask m, vec yes, vec no) { return vbslq_f64(m, yes, no); }
static inline int all(mask m) { return vgetq_lane_u64(m, 0) && vgetq_lane_u64(m, 1); }
static inline vec splat(double x) { return vdupq_n_f64(x); }
static inline int supported(void) { return 1; }
#else
#error "compile with -DISA_AVX512, -DISA_AVX2 or -DISA_NEON"
#endif

#if defined XSIMD
typedef xsimd::batch<double> batch;
static_assert(batch::size == LANES, "xsimd takes another instruction set than the flags name");
static inline vec ERFC(vec x) { return xsimd::erfc(batch(x)); }
static inline vec EXP(vec x) { return xsimd::exp(batch(x)); }
static inline vec LOG(vec x) { return xsimd::log(batch(x)); }
#elif defined AOCL
#define ERFC AMD(erfc)
#define EXP AMD(exp)
#define LOG AMD(log)
#define CDF AMD(cdfnorm)
#define QUANTILE AMD(cdfnorminv)
vec ERFC(vec), EXP(vec), LOG(vec), CDF(vec), QUANTILE(vec);
#elif defined LIBMVEC
#define ERFC MVEC(erfc)
#define EXP MVEC(exp)
#define LOG MVEC(log)
vec ERFC(vec), EXP(vec), LOG(vec);
#else
#define ERFC SLEEF(erfc, u15)
#define EXP SLEEF(exp, u10)
#define LOG SLEEF(log, u10)
#endif
#ifndef CDF
static inline vec CDF(vec x) { return 0.5 * ERFC(x * -0.70710678118654752440); }
#endif

static vec half[MOST], weights[MOST], means[MOST], inv2[MOST], density[MOST]; // w/2, w, μ, 1/(σ√2), w/(σ√2π)

static inline vec get(const double *p) {
	vec v;
	memcpy(&v, p, sizeof v);
	return v;
}
static inline void put(double *p, vec v) { memcpy(p, &v, sizeof v); }

static inline vec poly(const double *c, int degree, vec v) {
	vec s = splat(c[degree]);
	for (int i = degree - 1; i >= 0; i--)
		s = FMA(s, v, splat(c[i]));
	return s;
}

// probit returns Φ⁻¹(F) where F ≤ S, else -Φ⁻¹(S).
static inline vec probit(vec cdf, vec sf) {
	mask lower = less_equal(cdf, sf);
	vec p = MIN(cdf, sf);
	vec w = -LOG(4 * p * (1 - p));
	vec size = (1 - 2 * p) * poly(probit_p, 7, w) / poly(probit_q, 7, w);
	mask centre = less_equal(splat(0x1p-7), p);
	if (!all(centre)) {
		vec r = SQRT(-LOG(p));
		size = choose(centre, size, FMA(splat(1.4142135623730951), r, -(poly(tail_p, 9, r) / poly(tail_q, 10, r))));
	}
	return choose(lower, -size, size);
}

static inline void finish(int i, vec cdf, vec sf, vec pdf) {
	vec z = probit(cdf, sf);
	put(out + i, z);
	put(out + n + i, FMA(0.5 * z, z, LOG(pdf) + 0.91893853320467274178));
}

static void forward(void) { // two erfc per component
	for (int i = 0; i < n; i += LANES) {
		vec v = get(x + i), cdf = splat(0), sf = cdf, pdf = cdf;
		for (int j = 0; j < k; j++) {
			vec d = v - means[j], u = d * inv2[j];
			cdf = FMA(half[j], ERFC(-u), cdf);
			sf = FMA(half[j], ERFC(u), sf);
			pdf = FMA(density[j], EXP(-(u * u)), pdf);
		}
		finish(i, cdf, sf, pdf);
	}
}

static void forward_one(void) { // one erfc per component; the other tail is what is left of the weight
	for (int i = 0; i < n; i += LANES) {
		vec v = get(x + i), cdf = splat(0), sf = cdf, pdf = cdf;
		for (int j = 0; j < k; j++) {
			vec d = v - means[j], u = d * inv2[j];
			mask below = less_equal(u, splat(0));
			vec tail = half[j] * ERFC(choose(below, -u, u)), rest = weights[j] - tail;
			cdf = cdf + choose(below, tail, rest);
			sf = sf + choose(below, rest, tail);
			pdf = FMA(density[j], EXP(-(u * u)), pdf);
		}
		finish(i, cdf, sf, pdf);
	}
}

static void cdf(void) {
	for (int i = 0; i < n; i += LANES)
		put(out + i, CDF(get(t + i)));
}
static void erfc_alone(void) {
	for (int i = 0; i < n; i += LANES)
		put(out + i, ERFC(get(erfc_in + i)));
}
static void exponential(void) {
	for (int i = 0; i < n; i += LANES)
		put(out + i, EXP(get(a + i)));
}
static void logarithm(void) {
	for (int i = 0; i < n; i += LANES)
		put(out + i, LOG(get(l + i)));
}

#ifdef QUANTILE
static double *p;
static void quantile(void) {
	for (int i = 0; i < n; i += LANES)
		put(out + i, QUANTILE(get(p + i)));
}
#endif

int main(int argc, char **argv) {
	if (!supported())
		absent("this CPU lacks " SET);
	inputs(argv[argc - 1]);
	if (n % LANES) {
		fprintf(stderr, "n = %d is no multiple of %d\n", n, LANES);
		return 1;
	}
	for (int j = 0; j < k; j++) {
		weights[j] = splat(weight[j]);
		half[j] = splat(weight[j] / 2);
		means[j] = splat(mean[j]);
		inv2[j] = splat(1 / (scale[j] * sqrt(2)));
		density[j] = splat(weight[j] / (scale[j] * sqrt(2 * M_PI)));
	}
	const struct peer_case cases[] = {
		{"cdf", cdf, out, n}, {"erfc", erfc_alone, out, n}, {"exp", exponential, out, n}, {"log", logarithm, out, n},
		{"forward", forward, out, 2 * n}, {"forward-one", forward_one, out, 2 * n},
#ifdef QUANTILE
		{"quantile", quantile, out, n},
#endif
	};
	char version[128];
#if defined XSIMD
	snprintf(version, sizeof version, "xsimd %d.%d.%d, %s, gcc %s", XSIMD_VERSION_MAJOR, XSIMD_VERSION_MINOR, XSIMD_VERSION_PATCH, SET, __VERSION__);
#elif defined AOCL
	snprintf(version, sizeof version, "AOCL-LibM %s, %s, gcc %s", AOCL, SET, __VERSION__);
#elif defined LIBMVEC
	snprintf(version, sizeof version, "glibc %s, %s, gcc %s", gnu_get_libc_version(), SET, __VERSION__);
#else
	snprintf(version, sizeof version, "SLEEF %d.%d.%d, %s, gcc %s", SLEEF_VERSION_MAJOR, SLEEF_VERSION_MINOR, SLEEF_VERSION_PATCHLEVEL, SET, __VERSION__);
#endif
	return serve(version, cases, sizeof cases / sizeof *cases);
}
