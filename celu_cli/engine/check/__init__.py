"""Proves gradients against the tape, against finite differences, and part by part."""
