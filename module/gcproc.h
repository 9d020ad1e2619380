/* SPDX-License-Identifier: GPL-2.0 */
/* gcproc - /proc/pheap_gc */
#ifndef _PHEAP_GCPROC_H
#define _PHEAP_GCPROC_H

int gcproc_init(void);
void gcproc_exit(void);

#endif /* _PHEAP_GCPROC_H */
