"""snapshot.py FOLDER FILE OUT: the GGUF as the folder of safetensors, configuration and tokenizer that it was once made from."""

import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, file, out = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file)
if not tokenizer.chat_template:
    # Without one vLLM answers no chat; Gemma's turns, for the one GGUF that brings none.
    tokenizer.chat_template = (
        "{{ bos_token }}{% for m in messages %}<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n"
        "{{ m.content }}<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
    )
tokenizer.save_pretrained(out)
read = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file)
config = read.config
if hasattr(config, "quantization_config"):
    del config.quantization_config
# The one that was read is marked as quantised and can't be saved; its tensors are not any more.
plain = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
plain.load_state_dict(read.state_dict())
plain.save_pretrained(out)
