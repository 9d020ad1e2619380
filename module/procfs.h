/* SPDX-License-Identifier: GPL-2.0 */
/* procfs - /proc/pheapinfo */
#ifndef _PHEAP_PROCFS_H
#define _PHEAP_PROCFS_H

int procfs_init(void);
void procfs_exit(void);

#endif /* _PHEAP_PROCFS_H */
