# SPDX-License-Identifier: GPL-2.0
"""Sphinx, as the kernel's own documentation has it: its extension reads kernel-doc
comments.  "make docs" says where the kernel's source is."""
import os
import sys

source = os.environ['PHEAP_KERNEL_SOURCE']
sys.path.insert(0, os.path.join(source, 'Documentation/sphinx'))

project = 'pheap'
author = 'The pheap authors'
extensions = ['kerneldoc']
kerneldoc_bin = os.path.join(source, 'scripts/kernel-doc')
kerneldoc_srctree = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
c_id_attributes = ['__pheap_direct', '__malloc', '__must_check']
c_paren_attributes = ['__alloc_size', '__realloc_size']
exclude_patterns = ['_build']
html_theme = 'alabaster'
highlight_language = 'none'
