// Intel MKL's vector maths, from whatever libmkl_rt the loader is given: mkl LIBRARY HA|LA INPUTS.
#include <dlfcn.h>
#include <math.h>

#include "peer.h"

typedef void unary(const int n, const double *in, double *out);
static unary *CdfNorm, *Erfc, *Exp, *Ln, *CdfNormInv;

enum { TILE = 512 };
static double inv[MOST], density[MOST];

static void *symbol(void *lib, const char *name) {
	void *s = dlsym(lib, name);
	if (!s)
		absent(dlerror());
	return s;
}

static void cdf(void) { CdfNorm(n, t, out); }
static void erfc_alone(void) { Erfc(n, erfc_in, out); }
static void exponential(void) { Exp(n, a, out); }
static void logarithm(void) { Ln(n, l, out); }
static void quantile(void) { CdfNormInv(n, p, out); }

// map takes the map a tile at a time, so that everything stays in the first-level cache; with two Φ per component, or with
// one and what is left of the weight.
static void map(int two) {
	static double t[TILE], u[TILE], v[TILE], lower[TILE], upper[TILE], e[TILE], f[TILE], s[TILE], pdf[TILE];
	for (int from = 0; from < n; from += TILE) {
		int m = n - from < TILE ? n - from : TILE;
		memset(f, 0, sizeof f);
		memset(s, 0, sizeof s);
		memset(pdf, 0, sizeof pdf);
		for (int j = 0; j < k; j++) {
			for (int i = 0; i < m; i++) {
				t[i] = (x[from + i] - mean[j]) * inv[j];
				e[i] = -0.5 * t[i] * t[i];
			}
			Exp(m, e, e);
			if (two) {
				for (int i = 0; i < m; i++)
					v[i] = -t[i];
				CdfNorm(m, t, lower);
				CdfNorm(m, v, upper);
			} else {
				for (int i = 0; i < m; i++)
					v[i] = -fabs(t[i]);
				CdfNorm(m, v, u);
				for (int i = 0; i < m; i++) {
					lower[i] = t[i] > 0 ? 1 - u[i] : u[i];
					upper[i] = t[i] > 0 ? u[i] : 1 - u[i];
				}
			}
			for (int i = 0; i < m; i++) {
				f[i] += weight[j] * lower[i];
				s[i] += weight[j] * upper[i];
				pdf[i] += density[j] * e[i];
			}
		}
		for (int i = 0; i < m; i++)
			u[i] = f[i] <= s[i] ? f[i] : s[i];
		CdfNormInv(m, u, v);
		Ln(m, pdf, e);
		for (int i = 0; i < m; i++) {
			double z = f[i] <= s[i] ? v[i] : -v[i];
			out[from + i] = z;
			out[n + from + i] = e[i] + 0.5 * z * z + 0.91893853320467274178;
		}
	}
}

static void forward(void) { map(1); }
static void forward_one(void) { map(0); }

// variant names the library for an instruction set that MKL has chosen.
static void variant(char *name, size_t size) {
	char line[4096];
	FILE *f = fopen("/proc/self/maps", "r");
	snprintf(name, size, "unknown variant");
	while (f && fgets(line, sizeof line, f)) {
		char *at = strstr(line, "libmkl_vml_");
		if (at)
			snprintf(name, size, "%.*s", (int)strcspn(at, ".\n"), at);
	}
	if (f)
		fclose(f);
}

int main(int argc, char **argv) {
	if (argc != 4) {
		fprintf(stderr, "usage: mkl LIBRARY HA|LA INPUTS\n");
		return 2;
	}
	void *lib = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
	if (!lib)
		absent(dlerror());
	CdfNorm = (unary *)symbol(lib, "vdCdfNorm");
	Erfc = (unary *)symbol(lib, "vdErfc");
	Exp = (unary *)symbol(lib, "vdExp");
	Ln = (unary *)symbol(lib, "vdLn");
	CdfNormInv = (unary *)symbol(lib, "vdCdfNormInv");
	unsigned (*set_mode)(unsigned) = (unsigned (*)(unsigned))symbol(lib, "vmlSetMode");
	void (*version)(char *, int) = (void (*)(char *, int))symbol(lib, "mkl_get_version_string");
	set_mode(strcmp(argv[2], "HA") ? 1 : 2); // VML_LA, VML_HA

	inputs(argv[3]);
	for (int j = 0; j < k; j++) {
		inv[j] = 1 / scale[j];
		density[j] = weight[j] / (scale[j] * sqrt(2 * M_PI));
	}
	char text[198], line[400], chosen[64];
	cdf(); // makes MKL choose
	variant(chosen, sizeof chosen);
	version(text, sizeof text);
	text[sizeof text - 1] = 0;
	for (char *end = text + strlen(text); end > text && end[-1] == ' ';)
		*--end = 0;
	snprintf(line, sizeof line, "%s, %s, %s", text, chosen, argv[2]);
	const struct peer_case cases[] = {
		{"cdf", cdf, out, n}, {"erfc", erfc_alone, out, n}, {"exp", exponential, out, n}, {"log", logarithm, out, n},
		{"quantile", quantile, out, n}, {"forward", forward, out, 2 * n}, {"forward-one", forward_one, out, 2 * n},
	};
	return serve(line, cases, sizeof cases / sizeof *cases);
}
