package main

import (
	"strings"
	"testing"

	sdk "narthexsdk"
	"narthexsdk/fake"
)

// The fake host plays the bytes that can be read, so the four answers follow one another.
const answers = "STAT version 1.6.18\r\nSTAT curr_connections 1\r\nSTAT get_hits 2\r\nSTAT cmd_set 5\r\nSTAT cas_hits 1\r\nEND\r\n" +
	"STAT maxconns 1024\r\nEND\r\n" +
	"STAT 10:chunk_size 480\r\nSTAT 2:chunk_size 120\r\nSTAT 2:cmd_set 4\r\nSTAT active_slabs 2\r\nEND\r\n" +
	"STAT items:2:number 4\r\nEND\r\n"

func collect(t *testing.T, config Config, dialogue string) (string, error) {
	t.Helper()
	(&fake.Host{Dialogues: map[string]string{"cache:11211": dialogue}}).Install(t)
	exporter, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	batch := sdk.NewBatch()
	err = exporter.Collect(sdk.Target{Address: "cache:11211"}, batch)
	return batch.Text(), err
}

func TestStatisticsBecomeMetrics(t *testing.T) {
	text, err := collect(t, Config{}, answers)
	if err != nil {
		t.Fatal(err)
	}
	want := `memcached_version{version="1.6.18"} 1
memcached_current_connections 1
memcached_max_connections 1024
memcached_commands_total{command="get",status="hit"} 2
memcached_commands_total{command="cas",status="hit"} 1
memcached_commands_total{command="set",status="hit"} 4
memcached_slab_chunk_size_bytes{slab="2"} 120
memcached_slab_chunk_size_bytes{slab="10"} 480
memcached_slab_commands_total{slab="2",command="set",status="hit"} 4
memcached_slab_current_items{slab="2"} 4
`
	if text != want {
		t.Errorf("got:\n%s\nwant:\n%s", text, want)
	}
}

func TestSlabsCanBeLeftOut(t *testing.T) {
	no := false
	text, err := collect(t, Config{Slabs: &no}, answers)
	if err != nil || strings.Contains(text, "slab") {
		t.Errorf("%v:\n%s", err, text)
	}
}

func TestAnotherAnswerIsAnError(t *testing.T) {
	_, err := collect(t, Config{}, "ERROR\r\n")
	if err == nil || !strings.Contains(err.Error(), "stats: not expected: ERROR") {
		t.Error(err)
	}
}
