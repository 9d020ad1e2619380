/* SPDX-License-Identifier: GPL-2.0 */
/* dot - graph.dot: a heap's objects in Graphviz's language */
#ifndef _PHEAP_DOT_H
#define _PHEAP_DOT_H

int dot_init(void);
void dot_exit(void);

#endif /* _PHEAP_DOT_H */
