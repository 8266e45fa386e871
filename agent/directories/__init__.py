"""What Lockstep knows of LDAP and of each vendor's directory. ldap3 is called here and nowhere else."""
