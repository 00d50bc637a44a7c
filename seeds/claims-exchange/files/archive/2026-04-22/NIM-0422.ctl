batch,claims,total
NIM-0422,3,410.00
