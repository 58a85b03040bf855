"""snapshot.py FOLDER FILE OUT: the GGUF as the folder of safetensors, configuration and tokenizer that it was once made from."""

import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, file, out = sys.argv[1:]
AutoTokenizer.from_pretrained(folder, gguf_file=file).save_pretrained(out)
read = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file)
config = read.config
if hasattr(config, "quantization_config"):
    del config.quantization_config
# The one that was read is marked as quantised and can't be saved; its tensors are not any more.
plain = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
plain.load_state_dict(read.state_dict())
plain.save_pretrained(out)
