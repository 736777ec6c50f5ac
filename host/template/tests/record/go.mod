module narthex.dev/record

go 1.21
