package gmm

// In units in which the column has median 0 and spread 1 the fit maximizes the
// posterior
//
//	Σ_i log f(x_i) + Σ_k [log w_k - κ/2·log(1 + 1/σ_k²) - ε/2·1/σ_k² - 1/2·(μ_k² + σ_k²)/s²]
//
// The first term is a prior of one additional row per component: no weight vanishes.
// The second costs a component κ nats for every factor e by which it is narrower than
// the column, which a component of few rows does not regain, while it hardly affects
// one of hundreds of rows (a boundary-avoiding prior, Chung et al. 2013). It is
// needed because narrow components make steep slopes beyond the data, which
// successive blocks multiply. The third bounds the likelihood if rows coincide: N
// equal rows get σ = √(ε/N). In the fourth, s is the magnitude of the farthest row. A
// component that describes no row keeps the weight of one; without the fourth term
// its scale would grow without bound, and that share of the flow's samples would lie
// far beyond all rows. With it such a component ends near σ² = s√κ.
//
// L-BFGS maximizes the posterior, whose gradient follows from the statistics of the
// E-step, with the complete-data information as its initial metric. Its first step is
// then nearly one of EM, and later ones avoid EM's slow progress along flat ridges
// (Lange 1995): on the two moons 40 evaluations reach what takes EM about 500. The
// search for the right optimum runs on a sketch of the sorted column, which is so
// accurate that a few steps on all rows finish the fit.
//
// In the tests, all starts end within 0.001 nats per row of each other on the two
// moons with this prior; on mixtures of very different components restarts alone
// fail, and moving a component to where the mixture lacks mass succeeds.
const (
	narrowRows = 4    // κ
	equalRows  = 1e-3 // ε

	tolerance       = 1e-7 // of the posterior per row, in nats: three successive steps that gain less end the search
	fewEvaluations  = 40   // evaluations to compare starts
	manyEvaluations = 400  // largest number of evaluations of a search
	memory          = 10   // pairs that L-BFGS keeps
	longStride      = 2    // largest change of a logit or log σ in one step

	randomStarts = 2    // in addition to two that the sorted column determines
	worthwhile   = 1e-5 // smallest gain of moving a component, in nats per row
	scanMarks    = 128  // number of quantiles between which the search for lacking mass looks

	sketchTail   = 64 // extreme rows on each side that the sketch keeps
	sketchGroups = 50 // smallest number of groups of the other rows, per component
	sketchGroup  = 16 // largest number of rows in a group: a component could shrink to one large group
	sketchBlock  = 16 // the number of groups is a multiple of this, the kernels' block of samples
)
