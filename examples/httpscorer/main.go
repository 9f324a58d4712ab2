// Command httpscorer serves the log-density of rows over HTTP:
//
//	go run ./examples/httpscorer -listen 127.0.0.1:8080 model.safetensors
//	curl -d '{"rows":[{"a":1,"b":2}]}' -H 'Content-Type: application/json' http://127.0.0.1:8080/score
//
// See docs/service.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gaussflow/gaussflow/flow"
)

func main() {
	log.SetPrefix("httpscorer: ")
	listen := flag.String("listen", "127.0.0.1:8080", "listen on this address")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: httpscorer [-listen ADDRESS] MODEL")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	f, err := load(flag.Arg(0))
	if err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s := newScorer(f, limits{})
	log.Printf("%v on http://%v", f, l.Addr())
	if err := s.serve(ctx, l); err != nil {
		log.Fatal(err)
	}
}

// load reads the model, once for all requests: a Flow may be used by any number of goroutines.
func load(name string) (*flow.Flow, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	f, err := flow.Load(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if f.Context() > 0 {
		return nil, fmt.Errorf("%s: it is of a conditional density", name)
	}
	return f, nil
}

// limits keep clients from hurting each other. Zero values are the defaults.
type limits struct {
	connections int           // at the same time; more wait to be accepted
	body        int64         // bytes of a request
	rows        int           // of a request
	queue       int           // requests that wait for a worker; more are told to come again
	read, write time.Duration // of a whole request, of a response
	drain       time.Duration // for what is under way when the program ends
}

func (l *limits) setDefaults() {
	set := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	set(&l.connections, 1024)
	set(&l.rows, 10000)
	set(&l.queue, 256)
	if l.body == 0 {
		l.body = 1 << 20
	}
	for p, v := range map[*time.Duration]time.Duration{&l.read: 10 * time.Second, &l.write: 10 * time.Second, &l.drain: 15 * time.Second} {
		if *p == 0 {
			*p = v
		}
	}
}
