//go:build wasip1

// Package runtime is the memory side of the generated bindings: handles, memory that stays where
// it is, and cabi_realloc, by which the host puts data into the plugin. Its API is what
// wit-bindgen-go 0.63 expects.
//
// While the host is in cabi_realloc the plugin must not call any of its imports, and Go's garbage
// collector reads the clock, which is one. So it is switched off, and Settle runs it at moments
// when imports can be called: at the start of each call of the host, after each import that
// brought data, and while batches grow.
package runtime

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"unsafe"
)

// The heap may grow by as much as was alive after the last collection, but by no less and no more
// than these numbers of bytes: a small plugin is not to collect all the time, a large one is not
// to double.
const (
	growthMin = 4 << 20
	growthMax = 16 << 20
)

var heap = []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}

// What was alive after the last collection.
var alive uint64

// Go's own allocator can be used; before that the host may ask for memory already.
var isUp bool

func init() {
	debug.SetGCPercent(-1)
	isUp = true
}

func heapBytes() uint64 {
	metrics.Read(heap)
	return heap[0].Value.Uint64()
}

// Settle collects garbage if enough may have come together. It must not be called while the host
// waits for memory.
func Settle() {
	receivedBytes = 0
	if heapBytes() < alive+min(max(alive, growthMin), growthMax) {
		return
	}
	runtime.GC()
	// What a cleanup gives back to the host must be given back now.
	runtime.Gosched()
	alive = heapBytes()
}

// Memory that the host has put data into, held until that data has a Go owner.
var received runtime.Pinner

// How much that was since the heap was last looked at.
var receivedBytes uintptr

// So much may come in before the heap is looked at.
const receivedMax = 256 << 10

// Unpin is called by the bindings at the start of each call of the host, when its arguments have
// owners.
func Unpin() {
	received.Unpin()
	Settle()
}

// Taken is called after an import, when what it returned has an owner.
func Taken() {
	received.Unpin()
	if receivedBytes > receivedMax {
		Settle()
	}
}

// Allocate returns memory that stays where it is until the pinner lets go of it.
func Allocate(pinner *runtime.Pinner, size, align uintptr) unsafe.Pointer {
	if size == 0 {
		return nil
	}
	var pointer unsafe.Pointer
	switch {
	case align <= 1:
		pointer = unsafe.Pointer(unsafe.SliceData(make([]uint8, size)))
	case align == 2:
		pointer = unsafe.Pointer(unsafe.SliceData(make([]uint16, (size+1)/2)))
	case align == 4:
		pointer = unsafe.Pointer(unsafe.SliceData(make([]uint32, (size+3)/4)))
	default:
		pointer = unsafe.Pointer(unsafe.SliceData(make([]uint64, (size+7)/8)))
	}
	pinner.Pin(pointer)
	return pointer
}

//go:linkname sbrk runtime.sbrk
func sbrk(n uintptr) unsafe.Pointer

// The adapter of WASI's first version then answers with the time it knows.
//
//go:wasmimport wasi_snapshot_preview1 adapter_monotonic_clock_set_paused
func setClockPaused(paused bool)

//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, align, size uintptr) unsafe.Pointer {
	if old != nil || oldSize != 0 {
		panic("the host never makes memory larger")
	}
	if !isUp {
		start := uintptr(sbrk(size + align))
		return unsafe.Pointer((start + align - 1) &^ (align - 1))
	}
	receivedBytes += size
	setClockPaused(true)
	pointer := Allocate(&received, size, align)
	setClockPaused(false)
	return pointer
}

// Handle is a resource of the host; 0 is none.
type Handle struct {
	value int32
}

// MakeHandle wraps a number of the host's.
func MakeHandle(value int32) *Handle { return &Handle{value} }

// Use returns the number.
func (h *Handle) Use() int32 {
	if h.value == 0 {
		panic("used after it was closed")
	}
	return h.value
}

// Take returns the number and forgets it.
func (h *Handle) Take() int32 {
	value := h.Use()
	h.value = 0
	return value
}

// TakeOrNil returns the number and forgets it; 0 where it was forgotten before.
func (h *Handle) TakeOrNil() int32 {
	value := h.value
	h.value = 0
	return value
}

// Set remembers a number.
func (h *Handle) Set(value int32) { h.value = value }
