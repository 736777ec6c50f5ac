package main

import (
	"testing"

	sdk "narthexsdk"
	"narthexsdk/fake"
)

func TestStatsBecomeMetrics(t *testing.T) {
	host := (&fake.Host{Dialogues: map[string]string{
		"memcached:11211": "STAT version 1.6.40\r\nSTAT curr_connections 10\r\nSTAT cmd_get 7\r\nEND\r\n",
	}}).Install(t)
	exporter, err := New(Config{Prefix: "m"})
	if err != nil {
		t.Fatal(err)
	}
	batch := sdk.NewBatch()
	if err := exporter.Collect(sdk.Target{Address: "memcached:11211"}, batch); err != nil {
		t.Fatal(err)
	}
	want := "m_info{version=\"1.6.40\"} 1\nm_connections 10\nm_commands_total{command=\"get\"} 7\n"
	if batch.Text() != want {
		t.Errorf("got:\n%s\nwant:\n%s", batch.Text(), want)
	}
	if host.Written.String() != "stats\r\n" {
		t.Errorf("wrote %q", host.Written.String())
	}
}
