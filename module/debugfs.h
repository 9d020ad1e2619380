/* SPDX-License-Identifier: GPL-2.0 */
/* debugfs - pheap/, a directory for each heap */
#ifndef _PHEAP_DEBUGFS_H
#define _PHEAP_DEBUGFS_H

int debugfs_init(void);
void debugfs_exit(void);

#endif /* _PHEAP_DEBUGFS_H */
