# Does what the checks of `fullcode conformance` ask for.
conformance() {
  local event answer='{statusCode: 200, headers: {"content-type": "application/json"}, body: tojson}'
  event=$(cat)
  case $(jq -r '.body | objects | .conformance' <<<"$event") in
    describe) jq -c "{conformance: [\"echo\", \"binary\", \"fail\", \"sleep\", \"twice\"]} | $answer" <<<"$event" ;;
    echo) jq -c ".body.payload | $answer" <<<"$event" ;;
    binary)
      jq -c '{statusCode: 200, isBase64Encoded: true, headers: {"content-type": "application/octet-stream"}, body: .body.base64}' <<<"$event"
      ;;
    fail)
      jq -c '.body | {errorType, errorMessage}' <<<"$event"
      return 1
      ;;
    sleep)
      sleep "$(jq '.body.ms / 1000' <<<"$event")"
      jq -c "{} | $answer" <<<"$event"
      ;;
    twice)
      printf first | post "invocation/response/$(jq -r .appInfo.requestId <<<"$event")"
      echo second
      ;;
    *) jq -c "{} | $answer" <<<"$event" ;;
  esac
}
