// Package narthexsdk is what the author of a Narthex plugin in Go uses.
//
// An exporter is a type with a Collect method, made by a function that takes the job's
// configuration; init hands that function over, and main stays empty:
//
//	package main
//
//	import (
//		sdk "narthexsdk"
//		"narthexsdk/files"
//	)
//
//	type Config struct {
//		Path string `json:"path"`
//	}
//
//	type exporter struct{ config Config }
//
//	func New(config Config) (sdk.Exporter, error) { return &exporter{config}, nil }
//
//	func (e *exporter) Collect(target sdk.Target, batch *sdk.Batch) error {
//		text, err := files.Read(e.config.Path)
//		if err != nil {
//			return err
//		}
//		batch.Gauge("file_bytes", "The file's size.").Sample(float64(len(text)))
//		return nil
//	}
//
//	func init() { sdk.Export(New) }
//
//	func main() {}
//
// One instance serves one job, its calls never overlap, and what it remembers lives from scrape
// to scrape, though not for ever. The packages tcp, udp, icmp, names, http, files, secrets,
// state, kubernetes, log and clock are the ways out; there is no other: net and os find nothing.
//
// `go test` needs no host: package fake plays one.
//
// A panic is an error of that call. Goroutines run only while a call of the host is under way.
package narthexsdk
