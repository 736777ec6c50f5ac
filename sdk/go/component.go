//go:build narthex

package narthexsdk

// In a component the bindings are linked in: the exports that the host calls, and the imports
// behind the packages of this module. `narthex plugin build` makes them for each build.
import (
	_ "narthexsdk/internal/bindings/exports/wit_exports"
	_ "narthexsdk/internal/component"
)
