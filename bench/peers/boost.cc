// Boost.Math's normal distribution, one thread: boost INPUTS. It computes in double throughout: its default, to promote to long
// double, takes several times as long.
#include <boost/math/distributions/normal.hpp>
#include <boost/math/special_functions/erf.hpp>
#include <boost/version.hpp>
#include <cmath>

#include "peer.h"

typedef boost::math::policies::policy<boost::math::policies::promote_double<false>> in_double;
static const boost::math::normal_distribution<double, in_double> standard;

static double inv[MOST], half[MOST], density[MOST];

static double erfc_of(double u) { return boost::math::erfc(u, in_double()); }

static void phi(void) {
	for (int i = 0; i < n; i++)
		out[i] = cdf(standard, t[i]);
}

static void erfc_alone(void) {
	for (int i = 0; i < n; i++)
		out[i] = erfc_of(erfc_in[i]);
}

static void probit(void) {
	for (int i = 0; i < n; i++)
		out[i] = quantile(standard, p[i]);
}

// map has both tails of every component, or one and what is left of the weight: by erfc, which is faster than Boost's Φ.
static void map(bool two) {
	for (int i = 0; i < n; i++) {
		double f = 0, s = 0, pdf = 0;
		for (int j = 0; j < k; j++) {
			double u = (x[i] - mean[j]) * inv[j]; // over √2
			double tail = half[j] * erfc_of(two ? -u : std::fabs(u)), rest = two ? half[j] * erfc_of(u) : 2 * half[j] - tail;
			bool swap = !two && u > 0;
			f += swap ? rest : tail;
			s += swap ? tail : rest;
			pdf += density[j] * std::exp(-u * u);
		}
		double z = f <= s ? quantile(standard, f) : -quantile(standard, s);
		out[i] = z;
		out[n + i] = std::log(pdf) + 0.5 * z * z + 0.91893853320467274178;
	}
}

static void forward(void) { map(true); }
static void forward_one(void) { map(false); }

int main(int argc, char **argv) {
	inputs(argv[argc - 1]);
	for (int j = 0; j < k; j++) {
		inv[j] = 1 / (scale[j] * std::sqrt(2));
		half[j] = weight[j] / 2;
		density[j] = weight[j] / (scale[j] * std::sqrt(2 * M_PI));
	}
	const struct peer_case cases[] = {
		{"cdf", phi, out, n}, {"erfc", erfc_alone, out, n}, {"quantile", probit, out, n},
		{"forward", forward, out, 2 * n}, {"forward-one", forward_one, out, 2 * n},
	};
	return serve("Boost.Math " BOOST_LIB_VERSION ", g++ " __VERSION__, cases, sizeof cases / sizeof *cases);
}
