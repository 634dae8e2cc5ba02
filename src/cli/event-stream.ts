/**
 * Reads server-sent events (HTML standard, "Server-sent events") in the form that the service writes: the data of each is one JSON object.
 *
 * @throws Error when the answer isn't a stream, or the stream breaks off
 */
export async function* eventsOf<T>(answer: Response): AsyncGenerator<T> {
  if (!answer.ok || !answer.body) throw new Error(`no event stream: HTTP ${answer.status}`);
  let pending = "";
  for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
    pending += chunk;
    const blocks = pending.split("\n\n");
    pending = blocks.pop() ?? "";
    for (const block of blocks) {
      const data = block.split("\n").filter((line) => line.startsWith("data:"));
      if (data.length > 0) yield JSON.parse(data.map((line) => line.slice(5).trimStart()).join("\n")) as T;
    }
  }
}
