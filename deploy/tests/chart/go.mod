module narthex.dev/deploy/tests/chart

go 1.24
