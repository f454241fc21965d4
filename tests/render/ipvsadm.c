/* Stands between ipvsadm and a kernel that need not have IPVS: every message is "sent", every answer is success. What
   ipvsadm itself makes of its input is then seen. Preloaded over libnl's functions of the same names. */

int genl_connect(void *socket)
{
    return 0;
}

int genl_ctrl_resolve(void *socket, const char *family)
{
    return 42;
}

int nl_send_auto_complete(void *socket, void *message)
{
    return 1;
}

int nl_recvmsgs_default(void *socket)
{
    return 0;
}
