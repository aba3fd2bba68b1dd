package main

import (
	"context"
	"encoding/json"
	"strings"
	"time"
)

// conformance does what the checks of `fullcode conformance` ask for.
func conformance(_ context.Context, event *FunctionEvent) (*APIGFormatResult, error) {
	var asked struct {
		Conformance  string
		Payload      json.RawMessage
		Base64       string
		ErrorType    string
		ErrorMessage string
		Ms           time.Duration
	}
	// a body of another shape asks for nothing
	_ = json.Unmarshal(event.Body, &asked)

	switch asked.Conformance {
	case "describe":
		return jsonResult(`{"conformance":["echo","binary","fail","sleep","parallel","twice"]}`), nil
	case "echo":
		return jsonResult(string(asked.Payload)), nil
	case "binary":
		headers := map[string]string{"content-type": "application/octet-stream"}
		return &APIGFormatResult{StatusCode: 200, IsBase64Encoded: true, Headers: headers, Body: asked.Base64}, nil
	case "fail":
		return nil, &ErrorMessage{asked.ErrorType, asked.ErrorMessage}
	case "sleep":
		time.Sleep(asked.Ms * time.Millisecond)
	case "twice":
		url := strings.TrimSuffix(strings.Replace(putResponseURL, "{REQUEST_ID}", event.AppInfo.RequestID, 1), "?next=true")
		if _, err := post(url, []byte("first")); err != nil {
			return nil, err
		}
	}
	return jsonResult("{}"), nil
}

func jsonResult(body string) *APIGFormatResult {
	return &APIGFormatResult{StatusCode: 200, Headers: map[string]string{"content-type": "application/json"}, Body: body}
}
