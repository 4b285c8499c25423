// Asks the WebAssembly module and prints the answers, for the test that compares them with those of
// the server's build. Each line of FILE is the number of a call and the question in hexadecimal.
// Usage: node wasm/ask.mjs MODULE FILE
import { readFileSync } from "node:fs";

const [module, file] = process.argv.slice(2);
const { instance } = await WebAssembly.instantiate(readFileSync(module), {});
const { memory, florin_input, florin_ask, florin_output } = instance.exports;

const answers = readFileSync(file, "utf8").split("\n").filter(Boolean).map((line) => {
    const [call, question] = line.split(" ");
    const bytes = Buffer.from(question, "hex");
    const place = florin_input(bytes.length);
    new Uint8Array(memory.buffer).set(bytes, place);
    const count = florin_ask(Number(call), bytes.length);
    return Buffer.from(memory.buffer, florin_output(), count).toString("hex");
});
console.log(answers.join("\n"));
