// Package files is files of the host under granted paths, read-only.
package files

import "narthexsdk/internal/gate"

// Capacity is a file system in numbers.
type Capacity = gate.Capacity

// Read returns a whole file.
func Read(path string) ([]byte, error) { return gate.Current.ReadFile(path) }

// Entries returns the names in a folder, sorted.
func Entries(path string) ([]string, error) { return gate.Current.Entries(path) }

// Link returns where a symbolic link leads, as it is written.
func Link(path string) (string, error) { return gate.Current.Link(path) }

// FileSystem returns what the file system that holds the path has room for.
func FileSystem(path string) (*Capacity, error) { return gate.Current.FileSystem(path) }
