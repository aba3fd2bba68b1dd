package main

// handlers are the functions of this program, by the name in RUNTIME_HANDLER.
var handlers = map[string]Handler{
	"":            greet,
	"greet":       greet,
	"conformance": conformance,
}
