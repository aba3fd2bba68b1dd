# Greets whom the path names, or the message of a queue; a body of bytes comes back as it is. Needs jq.
greet() {
  local event name
  event=$(cat)
  name=$(jq -r '.ids.name // (.body | objects | .name) // "world"' <<<"$event")
  if [ "$name" = nobody ]; then
    echo '{"errorType":"NobodyError","errorMessage":"nobody cannot be greeted"}'
    return 1
  fi

  jq --compact-output --arg name "$name" '
    if .isBase64Encoded then
      {statusCode: 200, isBase64Encoded, headers: {"content-type": .headers["content-type"]}, body}
    else
      {greeting: "\(.query.greeting // "Hello"), \($name)\(.appParams.mark)", body}
      | {statusCode: 200, headers: {"content-type": "application/json"}, body: tojson}
    end' <<<"$event"
}
