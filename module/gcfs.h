/* SPDX-License-Identifier: GPL-2.0 */
/* gcfs - the debugfs files of a heap's objects and of its collector */
#ifndef _PHEAP_GCFS_H
#define _PHEAP_GCFS_H

int gcfs_init(void);
void gcfs_exit(void);

#endif /* _PHEAP_GCFS_H */
