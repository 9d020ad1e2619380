/* SPDX-License-Identifier: GPL-2.0 */
/* shrink - giving memory back when the system is short of it */
#ifndef _PHEAP_SHRINK_H
#define _PHEAP_SHRINK_H

int shrink_init(void);
void shrink_exit(void);

#endif /* _PHEAP_SHRINK_H */
