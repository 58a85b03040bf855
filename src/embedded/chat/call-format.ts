/**
 * How a model writes a tool call, as literal text around the two parts that vary:
 * `trigger open NAME middle ARGUMENTS close`, with `separator` between two calls.
 */
export interface CallFormat {
  /** Text that announces a call and occurs in no ordinary answer. */
  readonly trigger: string;
  readonly open: string;
  readonly middle: string;
  readonly close: string;
  /** Undefined: one answer holds at most one call. */
  readonly separator: string | undefined;
  /** The trigger is ordinary text (Llama 3.1 writes bare JSON), so it counts only where an answer begins. */
  readonly atStartOnly: boolean;
}

/** The form of Hermes and Qwen, for models whose own template knows no tools. */
export const HERMES_FORMAT: CallFormat = {
  trigger: "<tool_call>",
  open: '\n{"name": "',
  middle: '", "arguments": ',
  close: "}\n</tool_call>",
  separator: "\n",
  atStartOnly: false,
};

/** One call in this format, as a template would write it. */
export function writeCall(format: CallFormat, name: string, argumentsJson: string): string {
  return `${format.trigger}${format.open}${name}${format.middle}${argumentsJson}${format.close}`;
}
