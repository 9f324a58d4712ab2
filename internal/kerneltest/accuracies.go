package kerneltest

import (
	"math"

	"github.com/gaussflow/gaussflow/internal/bigref"
	"github.com/gaussflow/gaussflow/kernels"
)

// Accuracies has a row for every result that the package documentation of kernels makes a statement about.
var Accuracies = []Accuracy{
	function("Φ(x)", "x ≥ -37.5", 6, 4.25, -4.3256950690856755, -37.5, math.MaxFloat64, Real, kernels.Tier.NormCDF, plain(bigref.CDF)),
	function("Φ(-x)", "x ≤ 37.5", 6, 4.20, 2.426577576476679, -math.MaxFloat64, 37.5, Real, kernels.Tier.NormSF, plain(func(x *bigref.Float) *bigref.Float { return bigref.CDF(x.Neg(x)) })),
	function("log Φ(x)", "-20000 ≤ x ≤ 0", 9, 4.09, -0.3012167752690019, -20000, 0, Real, kernels.Tier.NormLogCDF, plain(bigref.LogCDF)),
	function("log Φ(x)", "0 ≤ x ≤ 37.5", 9, 5.54, 0.31848865796810016, 0, 37.5, Real, kernels.Tier.NormLogCDF, plain(bigref.LogCDF)),
	function("φ(x)", "|x| ≤ 37.5", 4, 1.61, -0.9669815197427033, -37.5, 37.5, Real, kernels.Tier.NormPDF, plain(bigref.PDF)),
	function("Φ⁻¹(p)", "0 < p < 1", 4, 3.24, 0.029585558873913533, math.SmallestNonzeroFloat64, 1-0x1p-53, Prob, kernels.Tier.NormQuantile, bigref.Quantile),
	function("exp x", "-708.39 ≤ x ≤ 709.78", 4, 1.03, -61.333996021973164, -708.39, 709.78, Real, kernels.Tier.Exp, plain(bigref.Exp)),
	function("log x", "0 < x", 4, 0.86, 0.7018002209348776, math.SmallestNonzeroFloat64, math.MaxFloat64, Prob, kernels.Tier.Log, plain(bigref.Log)),
	function("tanh x", "all", 4, 1.40, 0.6251899583946593, -math.MaxFloat64, math.MaxFloat64, Raw, kernels.Tier.Tanh, plain(bigref.Tanh)),
	{
		Name: "mixture F", Domain: "normal results", Unit: unitULP, Limit: 10, Max: 6.37, Worst: []float64{-2.8560508713960338, 0.5625, 0.0625, 0.0625, 0.0625, 0.0625, 0.0625, 0.0625, 0.0625, -2.713012617985499, -2.713012617985499, -2.713012617985499, -2.713012617985499, -2.713012617985499, -2.713012617985499, -2.713012617985499, -2.713012617985499, 0.19746978925045217, 0.19746978925045217, 0.19746978925045217, 0.19746978925045217, 0.19746978925045217, 0.19746978925045217, 0.19746978925045217, 0.19746978925045217}, BySize: []Sized{{3.04, 15508}, {6.37, 3990}, {5.63, 2194}, {4.12, 685}, {2.96, 283}, {5.04, 28}}, Of: drawMixture(Real, 1000),
		Error: func(t kernels.Tier, in []float64) float64 {
			f, _, _ := mixtureInput(in).cdf(t)
			return probability(f, mixtureInput(in).at().F)
		},
	},
	{
		Name: "mixture S", Domain: "normal results", Unit: unitULP, Limit: 10, Max: 6.70, Worst: []float64{150.27647447228674, 0.5625, 0.0625, 0.0625, 0.0625, 0.0625, 0.0625, 0.0625, 0.0625, 24.292079735062178, 24.292079735062178, 24.292079735062178, 24.292079735062178, 24.292079735062178, 24.292079735062178, 24.292079735062178, 24.292079735062178, 167.62017283352142, 167.62017283352142, 167.62017283352142, 167.62017283352142, 167.62017283352142, 167.62017283352142, 167.62017283352142, 167.62017283352142}, BySize: []Sized{{3.57, 6197}, {5.30, 7082}, {4.23, 2734}, {4.72, 799}, {3.60, 182}, {4.33, 124}}, Of: drawMixture(Real, 1000),
		Error: func(t kernels.Tier, in []float64) float64 {
			_, s, _ := mixtureInput(in).cdf(t)
			return probability(s, mixtureInput(in).at().S)
		},
	},
	{
		Name: "mixture f", Domain: "normal results", Unit: unitULP, Limit: 10, Max: 5.61, Worst: []float64{2.1627479216460648, 0.5625, 0.0625, 0.0625, 0.0625, 0.0625, 0.0625, 0.0625, 0.0625, 9.056785643450377, 9.056785643450377, 9.056785643450377, 9.056785643450377, 9.056785643450377, 9.056785643450377, 9.056785643450377, 9.056785643450377, 3.383934900294259, 3.383934900294259, 3.383934900294259, 3.383934900294259, 3.383934900294259, 3.383934900294259, 3.383934900294259, 3.383934900294259}, BySize: []Sized{{3.45, 16311}, {4.90, 7444}, {4.31, 1171}, {3.50, 1108}, {2.70, 448}, {2.50, 143}}, Of: drawMixture(Real, 1000),
		Error: func(t kernels.Tier, in []float64) float64 {
			_, _, p := mixtureInput(in).cdf(t)
			return probability(p, mixtureInput(in).at().PDF)
		},
	},
	{Name: "mixture z", Domain: "|t| ≤ 1000", Unit: unitZ, Limit: 10, Max: 6.16, Worst: []float64{3.006090950449732, 0.5625, 0.0625, 0.0625, 0.0625, 0.0625, 0.0625, 0.0625, 0.0625, 3.040035457013769, 3.040035457013769, 3.040035457013769, 3.040035457013769, 3.040035457013769, 3.040035457013769, 3.040035457013769, 3.040035457013769, 1.6681384718658583, 1.6681384718658583, 1.6681384718658583, 1.6681384718658583, 1.6681384718658583, 1.6681384718658583, 1.6681384718658583, 1.6681384718658583}, BySize: []Sized{{2.97, 17319}, {4.14, 9733}, {5.01, 158}, {4.69, 799}, {3.51, 182}, {3.24, 17}}, Of: drawMixture(Real, 1000), Error: zError},
	{Name: "mixture L", Domain: "|t| ≤ 1000", Unit: unitLog, Limit: 9, Max: 4.96, Worst: []float64{2.5686612820330796, 0.014029361117240787, 0.6036769868792269, 0.3822936520035323, -1.5914007030336212, -0.9818373990986555, -2.240780130022912, 0.1414742562210512, 1.4729188289407462, 1.203932780904041}, BySize: []Sized{{4.57, 18180}, {4.45, 746}, {4.52, 826}, {3.35, 1994}, {2.91, 62}, {2.93, 74}}, Of: drawMixture(Real, 1000), Error: logDetError},
	{Name: "inverse x", Domain: "|z| ≤ 100", Unit: unitX, Limit: 8, Max: 3.45, Worst: []float64{2.45845459443335e-310, 0.20194589812394909, 0, 0.7752484464915922, 0.022805655384458494, -1.5793427998001803, -4.242393665001567, 1.2901321168564415, -4.989244458716958, 0.9407081022418915, 2.2486703949939617, 2.572143974783899, 0.19927885987722332}, BySize: []Sized{{1.77, 16472}, {1.87, 5261}, {1.96, 3858}, {1.46, 1839}, {1.30, 140}, {3.57, 141}}, Of: drawMixture(Latent, 100), Error: inverseError},
	{Name: "inverse L", Domain: "|z| ≤ 100", Unit: unitInverse, Limit: 9, Max: 5.05, Worst: []float64{-2.4267908777538727, 0, 0, 1, -0.2926402814655663, -7.331199409354071, -2.472223859543665, 0.8705958914591442, 2.2045351082868674, 1.6164911459043128}, BySize: []Sized{{4.15, 6016}, {4.62, 2542}, {4.12, 773}, {3.13, 1852}, {3.22, 155}, {2.59, 141}}, Of: drawMixture(Latent, 100), Error: inverseLogDetError},
	{Name: "gradients", Domain: "|t| ≤ 1000, none light beyond", Unit: unitGradient, Limit: 3200, Max: 2286.43, Worst: []float64{-3.2036810062413945, 0.3046881772773715, 0.6953118227226285, 325.0922250707334, -1.0313801092915902, 0.05214130140996385, 0.3685907533144581}, BySize: []Sized{{1768.05, 10690}, {1398.11, 7199}, {1024.00, 784}, {899.94, 395}, {555.83, 131}, {448.35, 148}}, Of: drawMixture(Real, 1000), Error: bulkGradientError},
	{Name: "gradients, far", Domain: "10σ to 1000σ outside", Unit: unitGradient, Limit: 64, Max: 21.01, Worst: []float64{-49.758273012777664, 0.06697302167774086, 0.05394250547956663, 0.8790844728426925, -59.95218170110548, -54.11376915122417, -57.684018525286476, 0.40707459627824777, 0.36298584781807863, 0.3436174893461324}, One: drawFarOut, Error: gradientError},
	{Name: "gradients, gap", Domain: "10σ to 1000σ on both sides", Unit: unitGradient, Limit: 64, Max: 19.15, Worst: []float64{22.426697435563895, 0.07308679136245458, 0, 0.9269132086375454, 5.068535935218557, 122.03630225061917, -10.306228858899813, 1.447826803384403, 1.0719783240989231, 0.1628711262451338}, One: func(src Source) []float64 { return drawGap(src, 0) }, Error: bulkGradientError},
	{Name: "gradients, light", Domain: "and weights beyond from 2⁻⁹⁰⁰", Unit: unitGradient, Limit: 1e8, Max: 24794508.52, Worst: []float64{66.62340455702596, 1, 2.1689650388186335e-175, 3.2448569847890383, 432.72786966529304, 2.2656300345563, 1.8760263065022051}, One: func(src Source) []float64 { return drawGap(src, 900) }, Error: gradientError},
	{Name: "softmax w", Domain: "normal results", Unit: unitULP, Limit: 4, Max: 2.67, Worst: []float64{3.4573564529418945, -4.746636390686035, -4.057127952575684, 1.8459272384643555}, Unlisted: true, BySize: []Sized{{2.32, 6653}, {2.46, 3371}, {2.47, 127}, {2.67, 1993}, {2.16, 439}, {2.09, 108}}, Of: drawLogits, Error: func(t kernels.Tier, in []float64) float64 {
		weight, _ := softmaxErrors(t, in)
		return weight
	}},
	{Name: "softmax Σw", Domain: "all", Unit: unitHalf, Limit: 3.01, Max: 1.75, Worst: []float64{1.7673826217651367, 1.6025152206420898, 1.6025152206420898, 1.6025152206420898}, Unlisted: true, BySize: []Sized{{1.50, 28}, {1.88, 2823}, {1.69, 364}, {1.47, 1745}, {1.36, 94}, {1.90, 145}}, Of: drawLogits, Error: func(t kernels.Tier, in []float64) float64 {
		_, total := softmaxErrors(t, in)
		return total
	}},
	{Name: "log Σ e^logit", Domain: "K ≤ 8", Unit: unitLogSum, Limit: 4, Max: 1.73, Worst: []float64{-2.4150619506835938, -2.418276786804199, -2.418276786804199, -2.418276786804199, -2.418276786804199, -2.418276786804199, -2.418276786804199, -2.418276786804199}, Unlisted: true, One: drawFewLogits, Error: logSumExpError},
	{Name: "exp(bound·tanh)", Domain: "bound ≤ 100", Unit: unitScale, Limit: 6, Max: 3.24, Worst: []float64{0.680733245522347, 3.5091937185343545, 1.4885994757648773}, Unlisted: true, One: drawBounded, Error: boundedExpError},
	{Name: "its gradient", Domain: "bound ≤ 100", Unit: unitBack, Limit: 4, Max: 1.75, Worst: []float64{0.027974976083079448, 0.9721172050595723, -2.061293786891468}, Unlisted: true, One: drawBounded, Error: boundedExpBackwardError},
	{Name: "smooth ReLU", Domain: "all", Unit: unitULP, Limit: 8, Max: 5.43, Worst: []float64{-0.4807956901049664}, Unlisted: true, One: drawActivation, Error: smoothReLUError},
	{Name: "its slope", Domain: "all", Unit: unitULP, Limit: 7, Max: 4.39, Worst: []float64{-0.28909177053452845, 0.8643597537911535}, Unlisted: true, One: drawSlope, Error: smoothReLUSlopeError},
	{Name: "E-step", Domain: "|t| ≤ 1000, weights from 1e-30", Unit: unitEM, Limit: 20, Max: 10.26, Worst: []float64{-3.707293910833414, 0.8712149396772367, 0.12878506032276335, -3.741761779406282, -2.504620493942545, 0.012341543150606555, 356.8369429009691}, Unlisted: true, BySize: []Sized{{5.56, 9927}, {4.07, 6443}, {2.99, 2036}, {3.58, 1327}, {3.26, 59}, {3.13, 103}}, Of: drawEM, Error: emError},
	{Name: "Gaussian log p", Domain: "D ≤ 8", Unit: unitGaussian, Limit: 4, Max: 2.96, Worst: []float64{0.6757812500001635, 896569.8884101415, -6.483372683636841, 9.379749527548332}, Unlisted: true, One: drawGaussian, Error: gaussianError},
	{Name: "Adam", Domain: "steps ≤ 5000", Unit: unitAdam, Limit: 5, Max: 2.46, Worst: []float64{-0.06995223953434704, 1.6423898232306633, -2.3714693674943406, 3.034598822929217e-05, 0.4737524082436835, 0.2483885692967579, 0.31659132959410413, 0.0007306236428290376, 3890}, Unlisted: true, One: drawAdam, Error: adamError},
	{Name: "spline y", Domain: "shares ≥ 2⁻¹³, slopes 2⁻⁸ to 2⁸", Unit: unitSpline, Limit: 8, Max: 4.51, Worst: []float64{-3.236871112781504, 3.551386570196118, 0, 0.046070239275907886, 0.9051519940253925, 0.04877776669869958, 0.838079391958806, 0.08212431635248385, 0.07979629168871026, 1.4593261225019254, 0.5569601763052923}, One: drawSpline, Error: splineError},
	{Name: "spline L", Domain: "the same", Unit: unitSplineLog, Limit: 16, Max: 5.83, Worst: []float64{-1.7956642839462493, 9.8826227283054, 0, 0.1532347074716845, 0.21456328058024685, 0.20895780995575852, 0.01798483462759128, 0.030334704249731333, 0.306247800349043, 0.010801550252911291, 0.05787531251303332, 0.18217062756723035, 0.01912802011440441, 0.22978068269768953, 0.03254239055267806, 0.13826688692630226, 0.08257031810532497, 0.22564294887067857, 0.08989812516569204, 1.2217297036787, 0.6088401812796013, 0.16504085928177997, 0.5935298196594917, 4.958877156749279, 4.156781748586713, 1.2498479355499095}, One: drawSpline, Error: splineLogDetError},
	{Name: "spline inverse x", Domain: "the same", Unit: unitSplineX, Limit: 16, Max: 2.33, Worst: []float64{-0.6509204660579071, 2.179070143572997, 4.08234270750249e-309, 0.9952724260221041, 0.004727573977895923, 0.4496415022475703, 0.5503584977524297, 7.1984108598535075}, One: drawSpline, Error: splineInverseError},
	{Name: "spline inverse L", Domain: "the same", Unit: unitSplineInverse, Limit: 32, Max: 5.42, Worst: []float64{0.563623575514496, 10.846009222898203, 0.0039062291315538743, 0.32339011331305373, 0.6766098866869463, 0.15609052711025456, 0.8439094728897454, 1.2721813295628406}, One: drawSpline, Error: splineInverseLogDetError},
	{Name: "spline gradients", Domain: "the same", Unit: unitSplineGradient, Limit: 4500, Max: 334.72, Worst: []float64{2.4950693384943916, 3.690820443276126, 0.0026687922217273276, 0.026296893566626938, 0.0625056030173511, 0.05346833772343595, 0.2341343305819862, 0.1125759389403376, 0.5110188961702622, 0.6238608817874384, 0.0562333488989285, 0.03167144848768296, 0.2669379130159483, 0.017855334918850524, 0.003441072891151661, 0.14978330322705158, 0.471882371021654, 2.8296742241526465, 0.10323063492221227, 2.3325264859426897}, One: drawSpline, Error: splineGradientError},
}
