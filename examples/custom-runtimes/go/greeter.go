package main

import (
	"context"
	"encoding/json"
	"fmt"
)

// NobodyError is what greeting nobody fails with.
type NobodyError struct{}

func (NobodyError) Error() string { return "nobody cannot be greeted" }

// greet greets whom the path names, or the message of a queue; a body of bytes comes back as it is.
func greet(_ context.Context, event *FunctionEvent) (*APIGFormatResult, error) {
	name := event.IDs["name"]
	if name == "" {
		name = nameIn(event.Body)
	}
	if name == "nobody" {
		return nil, NobodyError{}
	}
	if event.IsBase64Encoded {
		result := &APIGFormatResult{
			StatusCode:      200,
			IsBase64Encoded: true,
			Headers:         map[string]string{"content-type": event.Headers["content-type"]},
		}
		return result, json.Unmarshal(event.Body, &result.Body)
	}

	word, ok := event.Query["greeting"].(string)
	if !ok {
		word = "Hello"
	}
	body, err := json.Marshal(map[string]any{
		"greeting": fmt.Sprintf("%s, %s%v", word, name, event.AppParams["mark"]),
		"body":     event.Body,
	})
	if err != nil {
		return nil, err
	}
	headers := map[string]string{"content-type": "application/json"}
	return &APIGFormatResult{StatusCode: 200, Headers: headers, Body: string(body)}, nil
}

func nameIn(body json.RawMessage) string {
	var message struct{ Name string }
	// a body of another shape names nobody in particular
	if err := json.Unmarshal(body, &message); err != nil || message.Name == "" {
		return "world"
	}
	return message.Name
}
