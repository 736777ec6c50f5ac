// Package log is the plugin's log. The host adds the plugin's name, version and job, and lets only
// so many lines through in one call. Fields are names and values that take turns.
package log

import (
	"fmt"

	"narthexsdk/internal/gate"
)

func write(level uint8, message string, fields []any) {
	pairs := make([]gate.Pair, 0, (len(fields)+1)/2)
	for i := 0; i < len(fields); i += 2 {
		pair := gate.Pair{Name: fmt.Sprint(fields[i])}
		if i+1 < len(fields) {
			pair.Value = fmt.Sprint(fields[i+1])
		}
		pairs = append(pairs, pair)
	}
	gate.Current.Log(level, message, pairs)
}

// Debug is for the plugin's author.
func Debug(message string, fields ...any) { write(1, message, fields) }

// Info is what an operator may want to know.
func Info(message string, fields ...any) { write(2, message, fields) }

// Warn is what an operator should look at.
func Warn(message string, fields ...any) { write(3, message, fields) }

// Error is what does not work.
func Error(message string, fields ...any) { write(4, message, fields) }
