import { query } from "@anthropic-ai/claude-agent-sdk";

const answer = query({
  prompt: "Reply with one word: connected",
  options: {
    settingSources: ["user"],
    env: { ...process.env, CLAUDE_CODE_MAX_RETRIES: "2" },
  },
});
for await (const message of answer) {
  if (message.type === "result") console.log(message.result);
}
