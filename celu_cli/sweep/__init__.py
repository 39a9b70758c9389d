"""Many runs from one request: planned as a whole, frozen on disk, trained by workers that share them out."""
