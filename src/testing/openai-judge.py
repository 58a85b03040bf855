"""Asks a server through OpenAI's own Python client; prints what came back as one JSON object."""

import json
import sys

import openai

base_url, api_key, model = sys.argv[1:4]
client = openai.OpenAI(base_url=base_url, api_key=api_key, max_retries=0)
ask = [{"role": "user", "content": "What is the weather in Paris?"}]
tools = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Weather in a city.",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string", "maxLength": 20}},
                "required": ["city"],
            },
        },
    }
]
seen = {}

whole = client.chat.completions.create(model=model, messages=ask, max_tokens=8, temperature=0)
seen["whole"] = whole.choices[0].message.content
seen["usage"] = whole.usage.completion_tokens

text = ""
for chunk in client.chat.completions.create(
    model=model, messages=ask, max_tokens=8, temperature=0, stream=True, stream_options={"include_usage": True}
):
    if chunk.choices:
        text += chunk.choices[0].delta.content or ""
    elif chunk.usage:
        seen["stream_usage"] = chunk.usage.completion_tokens
seen["stream"] = text

with client.chat.completions.stream(
    model=model, messages=ask, tools=tools, tool_choice="required", max_tokens=200, seed=1, parallel_tool_calls=False
) as stream:
    final = stream.get_final_completion()
call = final.choices[0].message.tool_calls[0]
seen["tool"] = [call.function.name, sorted(json.loads(call.function.arguments)), final.choices[0].finish_reason]

seen["models"] = [entry.id for entry in client.models.list().data]
seen["embedding"] = len(client.embeddings.create(model=model, input="hello").data[0].embedding)
seen["completion"] = client.completions.create(model=model, prompt="Once", max_tokens=3).choices[0].finish_reason

for name, options in {
    "NotFoundError": {"model": "another"},
    "BadRequestError": {"messages": [{"role": "user", "content": "word " * 3000}]},
}.items():
    try:
        client.chat.completions.create(**{"model": model, "messages": ask, "max_tokens": 1, **options})
    except openai.APIStatusError as error:
        seen[name] = [type(error).__name__, error.code]
try:
    openai.OpenAI(base_url=base_url, api_key="wrong", max_retries=0).models.list()
except openai.APIStatusError as error:
    seen["AuthenticationError"] = [type(error).__name__, error.code]

print(json.dumps(seen))
