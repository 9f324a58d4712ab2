// The other side of bench/harness/peer.go, for contenders in C and C++: include it, and let main end with
//
//     return serve(VERSION, cases, count);
//
// after inputs() has read them. Lines on standard input ask, lines on standard output answer.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct peer_case {
	const char *name;
	void (*run)(void);
	const double *out; // what run writes
	int n;             // so many of them
};

static void absent(const char *why) {
	printf("absent %s\n", why);
	fflush(stdout);
	exit(0);
}

// load reads the file NAME.f64 of dir; *n is how many numbers it has.
static double *load(const char *dir, const char *name, int *n) {
	char path[4096];
	snprintf(path, sizeof path, "%s/%s.f64", dir, name);
	FILE *f = fopen(path, "rb");
	if (!f) {
		fprintf(stderr, "cannot read %s\n", path);
		exit(1);
	}
	fseek(f, 0, SEEK_END);
	size_t size = (size_t)ftell(f);
	rewind(f);
	double *x = (double *)aligned_alloc(64, (size + 63) / 64 * 64);
	if (fread(x, 1, size, f) != size) {
		fprintf(stderr, "cannot read all of %s\n", path);
		exit(1);
	}
	fclose(f);
	*n = (int)(size / sizeof *x);
	return x;
}

static double *doubles(int n) {
	double *x = (double *)aligned_alloc(64, ((size_t)n * sizeof *x + 63) / 64 * 64);
	memset(x, 0, (size_t)n * sizeof *x);
	return x;
}

// The inputs, and room for results: t, p, a, l and erfc_in are those of the functions (n numbers each), weight, mean and
// scale the mixture (k of them), x its samples; out has room for z and L.
enum { MOST = 256 }; // components
static double *t, *p, *a, *l, *erfc_in, *weight, *mean, *scale, *x, *out;
static int n, k;

static void inputs(const char *dir) {
	t = load(dir, "t", &n);
	p = load(dir, "p", &n);
	a = load(dir, "a", &n);
	l = load(dir, "l", &n);
	erfc_in = load(dir, "erfc", &n);
	weight = load(dir, "weight", &k);
	mean = load(dir, "mean", &k);
	scale = load(dir, "scale", &k);
	x = load(dir, "x", &n);
	if (k > MOST) {
		fprintf(stderr, "K = %d is more than %d\n", k, MOST);
		exit(1);
	}
	out = doubles(2 * n);
}

static long long now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int serve(const char *version, const struct peer_case *cases, int count) {
	char line[256], name[128];
	printf("ready %s\n", version);
	fflush(stdout);
	while (fgets(line, sizeof line, stdin)) {
		long reps = 0;
		if (!strcmp(line, "cases\n")) {
			for (int i = 0; i < count; i++)
				printf("%s%s", i ? " " : "", cases[i].name);
			puts("");
			fflush(stdout);
			continue;
		}
		int run = sscanf(line, "run %127s %ld", name, &reps) == 2;
		int check = !run && sscanf(line, "check %127s", name) == 1;
		const struct peer_case *c = NULL;
		for (int i = 0; i < count && (run || check); i++)
			if (!strcmp(cases[i].name, name))
				c = &cases[i];
		if (!c) {
			printf("error no such case or command: %s", line);
		} else if (check) {
			c->run();
			FILE *f = fopen("out.f64", "wb");
			int good = f && fwrite(c->out, sizeof(double), (size_t)c->n, f) == (size_t)c->n;
			good &= f && !fclose(f);
			puts(good ? "ok" : "error cannot write out.f64");
		} else {
			long long start = now();
			for (long i = 0; i < reps; i++) {
				c->run();
				__asm__ volatile("" ::: "memory");
			}
			printf("%lld\n", now() - start);
		}
		fflush(stdout);
	}
	return 0;
}
