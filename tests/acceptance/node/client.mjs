// The official client for Node; prints what a test compares.
import OpenAI, { NotFoundError } from 'openai';

const client = new OpenAI({ maxRetries: 0, timeout: 20000 });
const messages = [{ role: 'user', content: 'What is a brainstem?' }];

const models = [];
for await (const model of client.models.list()) models.push(model.id);

const whole = await client.chat.completions.create({ model: 'Scripted', messages });

let streamed = '';
let usage = null;
const stream = await client.chat.completions.create({
  model: 'Scripted',
  messages,
  stream: true,
  stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  streamed += chunk.choices[0]?.delta?.content ?? '';
  usage = chunk.usage ?? usage;
}

const helper = client.chat.completions.stream({ model: 'Scripted', messages });
const final = await helper.finalContent();

let error = null;
try {
  await client.chat.completions.create({ model: 'nothing', messages });
} catch (caught) {
  error = { isNotFound: caught instanceof NotFoundError, code: caught.code };
}

const stored = await client.chat.completions.retrieve(whole.id);

console.log(
  JSON.stringify({
    models,
    whole: whole.choices[0].message.content,
    streamed,
    usage,
    final,
    error,
    stored: stored.choices[0].message.content,
  }),
);
