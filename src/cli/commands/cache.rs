//! `mlp cache`: looking after the cache.
