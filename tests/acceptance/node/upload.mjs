// The official client of tus for Node sends a file; prints what a test compares.
import { createReadStream, statSync } from 'node:fs';
import { Upload } from 'tus-js-client';

const { UPLOADS_URL, API_KEY, BRAIN, FILE, CHUNK_BYTES } = process.env;

let retries = 0;
const document = await new Promise((resolve, reject) => {
  let last = null;
  const upload = new Upload(createReadStream(FILE), {
    endpoint: UPLOADS_URL,
    headers: { Authorization: `Bearer ${API_KEY}` },
    metadata: { brain: BRAIN, filename: 'large.txt' },
    uploadSize: statSync(FILE).size,
    chunkSize: Number(CHUNK_BYTES) || Infinity,
    retryDelays: Array(60).fill(250),
    onShouldRetry: (error) => {
      retries += 1;
      const status = error.originalResponse?.getStatus() ?? 0;
      return status === 0 || status === 409 || status === 423 || status >= 500;
    },
    onAfterResponse: (_, response) => {
      last = response.getHeader('Upload-Document') ?? last;
    },
    onError: reject,
    onSuccess: () => resolve(last),
  });
  upload.start();
});

console.log(JSON.stringify({ document, retries }));
