"""A model tuned on prepared documents, by PEFT and TRL's SFTTrainer."""
