package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// limited runs the job with old files in their places and with less of something than it takes, and looks at what it
// left. mustSay is what the message of a failure names, if it is known.
func (t *trials) limited(j *job, trouble, mustSay string, run func(dir string) (ending, error)) {
	dir, err := t.room()
	if err != nil {
		t.complain(j, trouble, "%v", err)
		return
	}
	defer os.RemoveAll(dir)
	if err := j.fillOld(dir); err != nil {
		t.complain(j, trouble, "%v", err)
		return
	}
	before, err := snapshot(dir)
	if err != nil {
		t.complain(j, trouble, "%v", err)
		return
	}
	end, err := run(dir)
	if err != nil {
		t.complain(j, trouble, "%v", err)
		return
	}
	after, err := snapshot(dir)
	if err != nil {
		t.complain(j, trouble, "%v", err)
		return
	}
	r := t.row(j, trouble)
	r.runs++
	if end.status == 0 {
		r.done++
		if err := after.equal(j.want); err != nil {
			t.complain(j, trouble, "the job ended well, but %v", err)
		}
	} else {
		r.failed++
		if mustSay != "" && (end.status != 1 || end.crash() != "" || !strings.Contains(end.stderr, mustSay)) {
			t.complain(j, trouble, "want status 1 and an error with %q: %v", mustSay, end)
		}
		if end.stderr == "" && end.status >= 0 { // the kernel may not even begin it
			t.complain(j, trouble, "it failed without a word")
		}
	}
	// One that ran out of memory had no time to tidy up.
	for _, err := range t.verdict(j, r, before, after, false, mustSay == "" && end.status != 0) {
		t.complain(j, trouble, "%v (%v)", err, end)
	}
}

// total is the size of all the job's files.
func (j *job) total() int {
	n := 0
	for _, b := range j.want {
		n += len(b)
	}
	return n
}

// disk gives the job's directory a file system of its own that is too small. The mount is seen by its process alone, so
// its files are copied out when it is done.
func (t *trials) disk(j *job) {
	const trouble = "disk full"
	namespace := []string{"unshare", "--mount"}
	if os.Getuid() != 0 {
		namespace = append(namespace, "--map-root-user")
	}
	const script = `mount -t tmpfs -o size="$1" tmpfs "$2" && cd "$2" && cp -a "$3/." . || exit 98
keep=$3; shift 3
TMPDIR=. "$@"; status=$?
rm -f "$keep"/* && cp -a . "$keep" || exit 99
exit $status`
	if out, err := exec.CommandContext(t.ctx, namespace[0], append(namespace[1:], "sh", "-c", `mount -t tmpfs -o size=64k tmpfs "$1"`, "sh", t.work)...).CombinedOutput(); err != nil {
		t.notRun(trouble, fmt.Sprintf("a tmpfs cannot be mounted: %v: %s", err, out))
		return
	}
	place, err := t.room()
	if err != nil {
		t.complain(j, trouble, "%v", err)
		return
	}
	defer os.RemoveAll(place)
	const sizes = 6
	for i := range sizes {
		// From just enough for the old files to twice enough for the new ones beside them.
		size := strconv.Itoa(4096 * (len(j.want) + 1 + i*(j.total()/4096+2*len(j.want)+1)/(sizes-1)))
		t.limited(j, trouble, "no space left on device", func(dir string) (ending, error) {
			args := slices.Concat(namespace, []string{"sh", "-c", script, "sh", size, place, dir}, j.args)
			return t.run(t.work, nil, args...)
		})
	}
}

// fileSize ends the job's files at random places.
func (t *trials) fileSize(j *job) {
	const trouble = "file size limit"
	largest := 0
	for _, b := range j.want {
		largest = max(largest, len(b))
	}
	for range 6 {
		blocks := t.rng.IntN(largest/512 + 1)
		t.limited(j, trouble, "file too large", func(dir string) (ending, error) {
			return t.run(dir, nil, slices.Concat([]string{"sh", "-c", `ulimit -f "$1" && shift && exec "$@"`, "sh", strconv.Itoa(blocks)}, j.args)...)
		})
	}
}

// stdout gives the job a standard output that is full.
func (t *trials) stdout(j *job) {
	const trouble = "standard output full"
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.notRun(trouble, err.Error())
		return
	}
	defer full.Close()
	for _, args := range [][]string{j.args, j.stdout} {
		if args == nil {
			continue
		}
		t.limited(j, trouble, "no space left on device", func(dir string) (ending, error) {
			c, stderr := t.command(dir, nil, args...)
			c.Stdout = full
			err := c.Run()
			return endingOf(c, err, stderr.String())
		})
	}
}

// memory gives the job too little of it, or just enough.
func (t *trials) memory(j *job) {
	for _, limit := range []string{"1MiB", "20MiB", "100MiB"} {
		t.limited(j, "GOMEMLIMIT", "", func(dir string) (ending, error) {
			return t.run(dir, []string{"GOMEMLIMIT=" + limit}, j.args...)
		})
	}
	// From less than the runtime starts with to more than the job takes, in kilobytes.
	for kb := 64 << 10; kb <= 4<<20; kb *= 2 {
		t.limited(j, "ulimit -v", "", func(dir string) (ending, error) {
			return t.run(dir, nil, slices.Concat([]string{"sh", "-c", `ulimit -v "$1" && shift && exec "$@"`, "sh", strconv.Itoa(kb)}, j.args)...)
		})
	}
}
