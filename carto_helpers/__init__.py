"""Knowledge distillation with training dynamics: a reproducible paper that runs."""
