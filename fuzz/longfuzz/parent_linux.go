package main

import (
	"os/exec"
	"syscall"
)

// endWithParent has the kernel interrupt the child when this process is killed.
func endWithParent(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT}
}
