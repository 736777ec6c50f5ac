// Package wit_types has the types that the generated bindings are made of. Its API is what
// wit-bindgen-go 0.63 expects.
package wit_types

// Unit is the value of a result that brings nothing.
type Unit struct{}

// Tuple2 is a pair.
type Tuple2[A any, B any] struct {
	F0 A
	F1 B
}

// The tags of an Option.
const (
	OptionNone = 0
	OptionSome = 1
)

// Option is a value that may not be there.
type Option[T any] struct {
	value *T
}

// None is no value.
func None[T any]() Option[T] { return Option[T]{} }

// Some is a value.
func Some[T any](value T) Option[T] { return Option[T]{&value} }

// Tag is OptionNone or OptionSome.
func (o Option[T]) Tag() uint8 {
	if o.value == nil {
		return OptionNone
	}
	return OptionSome
}

// Some returns the value; where there is none it panics.
func (o Option[T]) Some() T { return *o.value }

// IsSome tells whether there is a value.
func (o Option[T]) IsSome() bool { return o.value != nil }

// The tags of a Result.
const (
	ResultOk  = 0
	ResultErr = 1
)

// Result is a value or an error.
type Result[T any, E any] struct {
	tag uint8
	ok  T
	err E
}

// Ok is a result that went well.
func Ok[T any, E any](value T) Result[T, E] { return Result[T, E]{tag: ResultOk, ok: value} }

// Err is a result that did not.
func Err[T any, E any](err E) Result[T, E] { return Result[T, E]{tag: ResultErr, err: err} }

// Tag is ResultOk or ResultErr.
func (r Result[T, E]) Tag() uint8 { return r.tag }

// Ok returns the value of a result that went well.
func (r Result[T, E]) Ok() T { return r.ok }

// Err returns the error of one that did not.
func (r Result[T, E]) Err() E { return r.err }

// IsErr tells whether it did not go well.
func (r Result[T, E]) IsErr() bool { return r.tag == ResultErr }
