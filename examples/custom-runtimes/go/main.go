// Command bootstrap is a runtime in Go: it gets events from the runtime API and hands each one to the function that
// RUNTIME_HANDLER names.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

var (
	getRequestURL       = os.ExpandEnv("http://${RUNTIME_API_ADDR}/v1/runtime/invocation/request")
	putResponseURL      = os.ExpandEnv("http://${RUNTIME_API_ADDR}/v1/runtime/invocation/response/{REQUEST_ID}?next=true")
	putErrorResponseURL = os.ExpandEnv("http://${RUNTIME_API_ADDR}/v1/runtime/invocation/error/{REQUEST_ID}")
	putInitErrorURL     = os.ExpandEnv("http://${RUNTIME_API_ADDR}/v1/runtime/init/error")

	errRequestIDInvalid = errors.New("request id invalid")

	// concurrency is the number of loops: of events that there can be at the same time.
	concurrency = concurrencyOf(os.Getenv("RUNTIME_CONCURRENCY"))

	// client has no timeout for a whole request: the wait for an event has no end.
	client = http.Client{
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: 3 * time.Second}).DialContext,
			MaxIdleConnsPerHost: concurrency,
		},
	}
)

// Handler is a function. An error becomes an answer with status 500.
type Handler func(ctx context.Context, event *FunctionEvent) (*APIGFormatResult, error)

// request is an event as it comes from the runtime API.
type request struct {
	id      string
	header  http.Header
	payload []byte
}

func main() {
	log.SetFlags(0)
	runtime.GOMAXPROCS(coresOf(os.Getenv("RUNTIME_CPU")))
	handler, ok := handlers[os.Getenv("RUNTIME_HANDLER")]
	if !ok {
		err := fmt.Errorf("RUNTIME_HANDLER is %q, which is no function of this program", os.Getenv("RUNTIME_HANDLER"))
		if _, err := post(putInitErrorURL, errorMessageOf(err).toJSONBytes()); err != nil {
			log.Printf("put init error failed, err: %s.", err)
		}
		log.Fatal(err)
	}
	for i := 1; i < concurrency; i++ {
		go processRequests(handler)
	}
	processRequests(handler)
}

// processRequests is the main loop. The answer to a response is the next event; after an error, it is asked for.
func processRequests(handler Handler) {
	var next *request
	for {
		req, err := next, error(nil)
		if req == nil {
			req, err = getRequest()
		}
		if err != nil {
			log.Printf("get request failed, err: %s.", err)
			time.Sleep(50 * time.Millisecond)
			continue
		}

		result, err := processRequestEvent(handler, req)
		if next, err = putResponse(req.id, result, err); err != nil {
			log.Printf("put response failed, err: %s.", err)
		}
	}
}

// processRequestEvent is the event processing function.
func processRequestEvent(handler Handler, req *request) (result []byte, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			log.Printf("panic: %v\n%s", reason, debug.Stack())
			err = fmt.Errorf("panic: %v", reason)
		}
	}()
	ctx, cancel := contextOf(req)
	defer cancel()

	var event FunctionEvent
	if err := json.Unmarshal(req.payload, &event); err != nil {
		return nil, fmt.Errorf("invalid json formatted event: %w", err)
	}
	response, err := handler(ctx, &event)
	if err != nil {
		return nil, err
	}
	return json.Marshal(response)
}

// contextOf ends with the time that the invocation may take.
func contextOf(req *request) (context.Context, context.CancelFunc) {
	deadline, err := strconv.ParseInt(req.header.Get("X-Cff-Deadline-Ms"), 10, 64)
	if err != nil {
		return context.WithCancel(context.Background())
	}
	return context.WithDeadline(context.Background(), time.UnixMilli(deadline))
}

func getRequest() (*request, error) {
	resp, err := client.Get(getRequestURL)
	if err != nil {
		return nil, err
	}
	req, err := readRequest(resp)
	if err == nil && req == nil {
		err = errRequestIDInvalid
	}
	return req, err
}

// putResponse sends what the function returned and returns the next request, which is nil when there is none yet.
func putResponse(requestID string, payload []byte, err error) (*request, error) {
	if err != nil {
		return post(strings.Replace(putErrorResponseURL, "{REQUEST_ID}", requestID, 1), errorMessageOf(err).toJSONBytes())
	}
	return post(strings.Replace(putResponseURL, "{REQUEST_ID}", requestID, 1), payload)
}

func post(url string, payload []byte) (*request, error) {
	resp, err := client.Post(url, "application/json", bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	return readRequest(resp)
}

// readRequest reads the answer of the runtime API to its end, so that the connection is used again. An answer without a
// request id is none.
func readRequest(resp *http.Response) (*request, error) {
	defer resp.Body.Close()
	payload, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status: %d, message: %s", resp.StatusCode, payload)
	}
	requestID := resp.Header.Get("X-Cff-Request-Id")
	if requestID == "" {
		return nil, nil
	}
	return &request{requestID, resp.Header, payload}, nil
}

// FunctionEvent is what a function receives. A field that the trigger does not have is empty.
type FunctionEvent struct {
	IDs     map[string]string `json:"ids"`
	Query   map[string]any    `json:"query"`
	Headers map[string]string `json:"headers"`
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	AppInfo struct {
		RequestID string `json:"requestId"`
	} `json:"appInfo"`
	// AppParams are strings, numbers and booleans.
	AppParams map[string]any `json:"appParams"`
	Trigger   struct {
		Type string `json:"type"`
		Name string `json:"name"`
	} `json:"trigger"`
	// Body is any JSON; a string of Base64 when IsBase64Encoded says so.
	Body            json.RawMessage `json:"body"`
	IsBase64Encoded bool            `json:"isBase64Encoded"`
}

// APIGFormatResult is the answer to the caller.
type APIGFormatResult struct {
	StatusCode      int               `json:"statusCode"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
	Headers         map[string]string `json:"headers,omitempty"`
	Body            string            `json:"body,omitempty"`
}

// ErrorMessage is what the caller gets in place of an answer. A function may return one as its error.
type ErrorMessage struct {
	ErrorType    string `json:"errorType"`
	ErrorMessage string `json:"errorMessage"`
}

func (errMsg *ErrorMessage) Error() string { return errMsg.ErrorMessage }

// errorMessageOf names an error after its type.
func errorMessageOf(err error) *ErrorMessage {
	var errMsg *ErrorMessage
	if errors.As(err, &errMsg) {
		return errMsg
	}
	return &ErrorMessage{reflect.Indirect(reflect.ValueOf(err)).Type().Name(), err.Error()}
}

func (errMsg *ErrorMessage) toJSONBytes() []byte {
	data, err := json.Marshal(errMsg)
	if err != nil {
		return nil
	}
	return data
}

func concurrencyOf(variable string) int {
	if value, err := strconv.Atoi(variable); err == nil && value > 0 {
		return value
	}
	return 1
}

// coresOf is the number of whole cores that a share of the machine needs. More threads than these only wake each other.
func coresOf(variable string) int {
	if value, err := strconv.ParseFloat(variable, 64); err == nil && value > 0 {
		return int(math.Ceil(value))
	}
	return 1
}
