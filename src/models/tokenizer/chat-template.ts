/** Messages → text by a model's Jinja template, as transformers' apply_chat_template does with the generation prompt. */
import { Template } from "@huggingface/jinja";

import { chatTemplateMissing, chatTemplateRefused, reasonOf } from "../errors.ts";
import type { ChatMessage } from "../model.ts";

/** A template with the two tokens that templates may name. */
export interface ChatTemplate {
  readonly source: string;
  readonly bosToken: string;
  readonly eosToken: string;
}

/**
 * The prompt that the messages make.
 * @throws `spec-invalid` where there is no template, or where it refuses these messages
 */
export function renderChat(
  template: ChatTemplate | undefined,
  messages: readonly ChatMessage[],
): string {
  if (template === undefined) throw chatTemplateMissing();
  try {
    return new Template(template.source).render({
      messages: messages.map(({ role, content }) => ({ role, content })),
      bos_token: template.bosToken,
      eos_token: template.eosToken,
      add_generation_prompt: true,
    });
  } catch (cause) {
    throw chatTemplateRefused({ reason: reasonOf(cause), cause });
  }
}
