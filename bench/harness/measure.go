package harness

import (
	"errors"
	"time"
)

// A Contender does a piece of work its own way.
type Contender struct {
	Name string
	// Check does the work once and returns what came out.
	Check func() ([]float64, error)
	// Run does the work reps times and returns how long that took.
	Run func(reps int) (time.Duration, error)
}

// Local is a contender inside this process: do writes its results to out.
func Local(name string, do func(), out ...[]float64) Contender {
	return Contender{
		Name: name,
		Check: func() ([]float64, error) {
			do()
			var all []float64
			for _, o := range out {
				all = append(all, o...)
			}
			return all, nil
		},
		Run: func(reps int) (time.Duration, error) {
			start := time.Now()
			for range reps {
				do()
			}
			return time.Since(start), nil
		},
	}
}

// Options says how long to measure.
type Options struct {
	Rounds int           // at least one
	Slice  time.Duration // what a contender may take of each round; one repetition takes what it takes
	Budget time.Duration // if not 0: fewer rounds, but one at least, where they would take longer; a contender that takes so long alone runs once
}

// A Failure is the error of a contender that did not do its work.
type Failure struct {
	Contender int // its index
	Name      string
	Err       error
}

func (f *Failure) Error() string { return f.Name + ": " + f.Err.Error() }
func (f *Failure) Unwrap() error { return f.Err }

// Measure runs the contenders in rounds, each of them once per round, starting with another one every time. The series
// are in the order of the contenders. The first one that fails ends it, with a Failure.
func Measure(contenders []Contender, o Options) ([]Series, error) {
	if len(contenders) == 0 || o.Rounds < 1 {
		return nil, errors.New("harness: Measure needs a contender and a round")
	}
	series := make([]Series, len(contenders))
	reps := make([]int, len(contenders))
	var round time.Duration
	for i, c := range contenders {
		before := Clock()
		var each time.Duration
		var err error
		if reps[i], each, err = calibrate(c, o.Slice); err != nil {
			return nil, &Failure{i, c.Name, err}
		}
		series[i].Name = c.Name
		if o.Budget > 0 && each >= o.Budget {
			series[i].add(each, 1, before)
			reps[i] = 0
		}
		round += time.Duration(reps[i]) * each
	}
	rounds := o.Rounds
	if o.Budget > 0 {
		rounds = int(min(int64(rounds), max(1, int64(o.Budget/max(round, 1)))))
	}
	for round := range rounds {
		for j := range contenders {
			i := (round + j) % len(contenders)
			if reps[i] == 0 {
				continue
			}
			before := Clock()
			took, err := contenders[i].Run(reps[i])
			if err != nil {
				return nil, &Failure{i, contenders[i].Name, err}
			}
			series[i].add(took, reps[i], before)
		}
	}
	return series, nil
}

// calibrate warms the contender up and returns how many repetitions fill the slice, and what one takes.
func calibrate(c Contender, slice time.Duration) (reps int, each time.Duration, err error) {
	for reps = 1; ; {
		took, err := c.Run(reps)
		if err != nil {
			return 0, 0, err
		}
		took = max(took, 1)
		each = took / time.Duration(reps)
		switch {
		case took >= slice/2 || reps >= 1<<30:
			return max(1, int(float64(reps)*float64(slice)/float64(took))), each, nil
		case took < slice/64:
			reps *= 16
		default:
			reps = max(reps+1, int(float64(reps)*float64(slice)/float64(took)))
		}
	}
}
