// Runs vcsim, the vCenter simulator of govmomi, on 127.0.0.1 until its input ends. The first line of the input is
// the user name, the second one the password. Prints what one needs to log in as key=value, then "ready".
package main

import (
	"bufio"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/vmware/govmomi/simulator"
)

func line(in *bufio.Reader) string {
	text, err := in.ReadString('\n')
	if err != nil {
		log.Fatal("vcsim wants a user name and a password, a line each, on its input: ", err)
	}
	return strings.TrimRight(text, "\r\n")
}

func main() {
	machines := flag.Int("vms", 2, "how many VMs each host and each cluster has")
	esx := flag.Bool("esx", false, "be a single ESXi host")
	off := flag.Bool("off", false, "leave the VMs powered off")
	flag.Parse()
	in := bufio.NewReader(os.Stdin)
	user, password := line(in), line(in)

	model := simulator.VPX()
	if *esx {
		model = simulator.ESX()
	}
	model.Machine = *machines
	model.Autostart = !*off
	if err := model.Create(); err != nil {
		log.Fatal(err)
	}
	model.Service.Listen = &url.URL{Host: "127.0.0.1:0", User: url.UserPassword(user, password)}
	model.Service.TLS = new(tls.Config)
	server := model.Service.NewServer()

	certificate := server.Certificate().Raw
	fmt.Printf("url=https://%s%s\n", server.URL.Host, server.URL.Path)
	fmt.Printf("sha1=%x\n", sha1.Sum(certificate))
	fmt.Printf("sha256=%x\n", sha256.Sum256(certificate))
	fmt.Println("ready")

	over := make(chan os.Signal, 1)
	signal.Notify(over, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		// Whoever started us is gone when this ends.
		_, _ = io.Copy(io.Discard, in)
		over <- syscall.SIGTERM
	}()
	<-over
	server.CloseClientConnections()
	server.Close()
	model.Remove()
}
