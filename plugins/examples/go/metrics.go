package main

import sdk "narthexsdk"

// metric is what becomes of one line of the statistics.
type metric struct {
	stat string
	name string
	help string
	kind sdk.MetricKind
	// factor is 1 where it is 0.
	factor float64
}

func (m metric) begin(batch *sdk.Batch) *sdk.Family { return batch.Family(m.kind, m.name, m.help) }

func (m metric) scale() float64 {
	if m.factor == 0 {
		return 1
	}
	return m.factor
}

// command is a line that counts a command.
type command struct{ stat, name, status string }

var generalMetrics = []metric{
	{stat: "uptime", name: "memcached_uptime_seconds", kind: sdk.Counter, help: "Time since the start."},
	{stat: "time", name: "memcached_time_seconds", kind: sdk.Gauge, help: "The server's clock."},
	{stat: "rusage_user", name: "memcached_process_user_cpu_seconds_total", kind: sdk.Counter, help: "CPU time outside of the kernel."},
	{stat: "rusage_system", name: "memcached_process_system_cpu_seconds_total", kind: sdk.Counter, help: "CPU time in the kernel."},
	{stat: "bytes_read", name: "memcached_read_bytes_total", kind: sdk.Counter, help: "Bytes that came in."},
	{stat: "bytes_written", name: "memcached_written_bytes_total", kind: sdk.Counter, help: "Bytes that went out."},
	{stat: "curr_connections", name: "memcached_current_connections", kind: sdk.Gauge, help: "Open connections."},
	{stat: "total_connections", name: "memcached_connections_total", kind: sdk.Counter, help: "Connections that were opened."},
	{stat: "rejected_connections", name: "memcached_connections_rejected_total", kind: sdk.Counter, help: "Connections beyond the most at once."},
	{stat: "conn_yields", name: "memcached_connections_yielded_total", kind: sdk.Counter, help: "How often a connection gave way to others."},
	{stat: "listen_disabled_num", name: "memcached_connections_listener_disabled_total", kind: sdk.Counter, help: "How often there was no room for a connection."},
	{stat: "accepting_conns", name: "memcached_accepting_connections", kind: sdk.Gauge, help: "Whether connections are taken."},
	{stat: "bytes", name: "memcached_current_bytes", kind: sdk.Gauge, help: "Bytes of items."},
	{stat: "limit_maxbytes", name: "memcached_limit_bytes", kind: sdk.Gauge, help: "Bytes that there is room for."},
	{stat: "malloc_fails", name: "memcached_malloced_failures_total", kind: sdk.Counter, help: "Allocations that failed."},
	{stat: "curr_items", name: "memcached_current_items", kind: sdk.Gauge, help: "Items that are there."},
	{stat: "total_items", name: "memcached_items_total", kind: sdk.Counter, help: "Items that were stored."},
	{stat: "evictions", name: "memcached_items_evicted_total", kind: sdk.Counter, help: "Items that made room for others."},
	{stat: "reclaimed", name: "memcached_items_reclaimed_total", kind: sdk.Counter, help: "Items whose time was up when their room was taken."},
	{stat: "threads", name: "memcached_threads", kind: sdk.Gauge, help: "Threads that serve."},
	{stat: "hash_bytes", name: "memcached_hash_bytes", kind: sdk.Gauge, help: "Bytes of the table of keys."},
	{stat: "slabs_moved", name: "memcached_slabs_moved_total", kind: sdk.Counter, help: "Pages that went to another class."},
	{stat: "lru_crawler_starts", name: "memcached_lru_crawler_starts_total", kind: sdk.Counter, help: "How often the crawler began."},
	{stat: "crawler_items_checked", name: "memcached_lru_crawler_items_checked_total", kind: sdk.Counter, help: "Items that the crawler looked at."},
	{stat: "crawler_reclaimed", name: "memcached_lru_crawler_reclaimed_total", kind: sdk.Counter, help: "Items that the crawler took away."},
	{stat: "moves_to_cold", name: "memcached_lru_crawler_moves_to_cold_total", kind: sdk.Counter, help: "Items that became cold."},
	{stat: "moves_to_warm", name: "memcached_lru_crawler_moves_to_warm_total", kind: sdk.Counter, help: "Items that became warm."},
	{stat: "moves_within_lru", name: "memcached_lru_crawler_moves_within_lru_total", kind: sdk.Counter, help: "Items that went back to the front."},
}

// commands are without `set`, which is reckoned.
var commands = []command{
	{"get_hits", "get", "hit"}, {"get_misses", "get", "miss"},
	{"delete_hits", "delete", "hit"}, {"delete_misses", "delete", "miss"},
	{"incr_hits", "incr", "hit"}, {"incr_misses", "incr", "miss"},
	{"decr_hits", "decr", "hit"}, {"decr_misses", "decr", "miss"},
	{"touch_hits", "touch", "hit"}, {"touch_misses", "touch", "miss"},
	{"cas_hits", "cas", "hit"}, {"cas_misses", "cas", "miss"}, {"cas_badval", "cas", "badval"},
	{"cmd_flush", "flush", "hit"},
}

var slabMetrics = []metric{
	{stat: "chunk_size", name: "memcached_slab_chunk_size_bytes", kind: sdk.Gauge, help: "Bytes of a chunk."},
	{stat: "chunks_per_page", name: "memcached_slab_chunks_per_page", kind: sdk.Gauge, help: "Chunks of a page."},
	{stat: "total_pages", name: "memcached_slab_current_pages", kind: sdk.Gauge, help: "Pages of the class."},
	{stat: "total_chunks", name: "memcached_slab_current_chunks", kind: sdk.Gauge, help: "Chunks of the class."},
	{stat: "used_chunks", name: "memcached_slab_chunks_used", kind: sdk.Gauge, help: "Chunks with an item."},
	{stat: "free_chunks", name: "memcached_slab_chunks_free", kind: sdk.Gauge, help: "Chunks without an item."},
	{stat: "free_chunks_end", name: "memcached_slab_chunks_free_end", kind: sdk.Gauge, help: "Free chunks at the end of the last page."},
}

var slabCommands = []command{
	{"get_hits", "get", "hit"}, {"cmd_set", "set", "hit"}, {"delete_hits", "delete", "hit"},
	{"incr_hits", "incr", "hit"}, {"decr_hits", "decr", "hit"}, {"touch_hits", "touch", "hit"},
	{"cas_hits", "cas", "hit"}, {"cas_badval", "cas", "badval"},
}

var itemMetrics = []metric{
	{stat: "number", name: "memcached_slab_current_items", kind: sdk.Gauge, help: "Items of the class."},
	{stat: "age", name: "memcached_slab_items_age_seconds", kind: sdk.Gauge, help: "The age of the oldest item."},
	{stat: "mem_requested", name: "memcached_slab_mem_requested_bytes", kind: sdk.Gauge, help: "Bytes that the items asked for."},
	{stat: "evicted", name: "memcached_slab_items_evicted_total", kind: sdk.Counter, help: "Items that made room for others."},
	{stat: "evicted_nonzero", name: "memcached_slab_items_evicted_nonzero_total", kind: sdk.Counter, help: "Of these, items with a time of their own."},
	{stat: "evicted_time", name: "memcached_slab_items_evicted_time_seconds", kind: sdk.Gauge, help: "How long the last of these had not been asked for."},
	{stat: "outofmemory", name: "memcached_slab_items_outofmemory_total", kind: sdk.Counter, help: "Items that found no room."},
	{stat: "tailrepairs", name: "memcached_slab_items_tailrepairs_total", kind: sdk.Counter, help: "Items that were freed though they were in use."},
	{stat: "reclaimed", name: "memcached_slab_items_reclaimed_total", kind: sdk.Counter, help: "Items whose time was up when their room was taken."},
	{stat: "expired_unfetched", name: "memcached_slab_items_expired_unfetched_total", kind: sdk.Counter, help: "Of these, items that nobody had asked for."},
	{stat: "evicted_unfetched", name: "memcached_slab_items_evicted_unfetched_total", kind: sdk.Counter, help: "Evicted items that nobody had asked for."},
}
