"""Files and objects of neuroscientists, read into plain arrays under the ids of stimuli."""
